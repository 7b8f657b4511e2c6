import { describe, expect, test } from 'vitest';
import { type FakeClock, fakeClock } from '../testing/fake-clock.js';
import { type Admission, type Asked, createQueue, type Queue, type Slot } from './queue.js';

interface Setting {
  readonly clock: FakeClock;
  readonly queue: Queue;
}

function setting(change: Partial<Parameters<typeof createQueue>[0]> = {}): Setting {
  const clock = fakeClock();
  const bounds = { concurrency: 1, waitersMax: 3, waitersPerTenantMax: 2, waitMsMax: 1_000 };
  return { clock, queue: createQueue({ clock, ...bounds, ...change }) };
}

const patient = () => new AbortController().signal;

function asked(tenant: string, change: Partial<Asked> = {}): Asked {
  const reserve = { memoryKb: 1, cpus: 1 };
  return { tenant, weight: 1, rank: 0, reserve, patience: 'caller', signal: patient(), ...change };
}

function enter(queue: Queue, tenant = 'a', signal = patient()): Promise<Admission> {
  const place = queue.enter(asked(tenant, { signal }));
  if (!place.ok) throw new Error(`refused: ${place.error.detail}`);
  return place.value.admission;
}

async function slotOf(admission: Promise<Admission>): Promise<Slot> {
  const admitted = await admission;
  if (admitted.kind !== 'slot') throw new Error(`no slot: ${admitted.kind}`);
  return admitted.slot;
}

function release(slot: Slot): void {
  slot[Symbol.dispose]();
}

describe('slots', () => {
  test('as many are let in at once as there are slots, and one more waits', async () => {
    const { queue } = setting({ concurrency: 2 });
    await slotOf(enter(queue));
    await slotOf(enter(queue));
    void enter(queue);
    expect(queue.load()).toEqual({ running: 2, queued: 1 });
  });

  test('a slot given back goes to who waited longest', async () => {
    const { queue } = setting();
    const slot = await slotOf(enter(queue));
    const order: string[] = [];
    const noted = async (tenant: string) => {
      const next = await slotOf(enter(queue, tenant));
      order.push(tenant);
      return next;
    };
    const first = noted('b');
    const second = noted('a');
    release(slot);
    release(await first);
    release(await second);
    expect(order).toEqual(['b', 'a']);
    expect(queue.load()).toEqual({ running: 0, queued: 0 });
  });

  test('giving a slot back twice lets in one, not two', async () => {
    const { queue } = setting();
    const slot = await slotOf(enter(queue));
    void enter(queue);
    void enter(queue);
    release(slot);
    release(slot);
    expect(queue.load()).toEqual({ running: 1, queued: 1 });
  });
});

describe('refusals', () => {
  test('a full queue refuses at once, and one place less does not', async () => {
    const { queue } = setting();
    await slotOf(enter(queue));
    for (const tenant of ['a', 'b', 'c']) void enter(queue, tenant);
    const place = queue.enter(asked('d'));
    expect(place).toMatchObject({ ok: false, error: { code: 'OVERLOADED' } });
    if (!place.ok) expect(place.error.retryAfterMs).toBeGreaterThan(0);
  });

  test('one tenant has its share of the queue and no more; another still has a place', async () => {
    const { queue } = setting();
    await slotOf(enter(queue));
    void enter(queue, 'a');
    void enter(queue, 'a');
    expect(queue.enter(asked('a'))).toMatchObject({ error: { code: 'OVERLOADED' } });
    expect(queue.enter(asked('b')).ok).toBe(true);
  });

  test('a wait that is foreseen as too long is refused; one of just the bound is not', async () => {
    const { queue, clock } = setting();
    const first = await slotOf(enter(queue));
    clock.advance(500);
    release(first); // Slots are held for 500 ms, as far as is known.
    await slotOf(enter(queue));
    void enter(queue, 'a'); // 500 ms
    void enter(queue, 'b'); // 1,000 ms
    expect(queue.enter(asked('a'))).toMatchObject({
      ok: false,
      error: { code: 'OVERLOADED', retryAfterMs: 500 },
    });
  });
});

describe('waiting', () => {
  test('ends as expired when its time is over, not a millisecond before', async () => {
    const { queue, clock } = setting();
    await slotOf(enter(queue));
    const waiting = enter(queue);
    clock.advance(999);
    expect(queue.load().queued).toBe(1);
    clock.advance(1);
    expect(await waiting).toEqual({ kind: 'expired' });
    expect(queue.load()).toEqual({ running: 1, queued: 0 });
  });

  test('a cancelled waiter leaves at once, and its place with it', async () => {
    const { queue, clock } = setting();
    await slotOf(enter(queue));
    const abort = new AbortController();
    const waiting = enter(queue, 'a', abort.signal);
    abort.abort();
    expect(queue.load().queued).toBe(0);
    expect(await waiting).toEqual({ kind: 'cancelled' });
    expect(clock.scheduled()).toBe(0);
  });

  test('who was cancelled before it came takes no slot', async () => {
    const { queue } = setting();
    expect(await enter(queue, 'a', AbortSignal.abort())).toEqual({ kind: 'cancelled' });
    expect(queue.load()).toEqual({ running: 0, queued: 0 });
  });

  test('an alarm of someone who was let in is called off', async () => {
    const { queue, clock } = setting();
    const slot = await slotOf(enter(queue));
    const waiting = enter(queue);
    release(slot);
    await slotOf(waiting);
    expect(clock.scheduled()).toBe(0);
  });
});

describe('those that nobody waits for', () => {
  const kept = { waitersMax: 2, waitersPerTenantMax: 2, waitMsMax: 60_000 };

  test('have bounds of their own, and wait longer', async () => {
    const { queue, clock } = setting({ kept, waitersMax: 1 });
    await slotOf(enter(queue));
    const patience = 'kept';
    for (const tenant of ['a', 'b']) expect(queue.enter(asked(tenant, { patience })).ok).toBe(true);
    expect(queue.enter(asked('c', { patience }))).toMatchObject({ ok: false });
    expect(queue.enter(asked('c')).ok).toBe(true);
    clock.advance(1_000);
    expect(queue.load().queued).toBe(2);
    clock.advance(59_000);
    expect(queue.load().queued).toBe(0);
  });

  test('are told their place and about how long, which change as others go', async () => {
    const { queue, clock } = setting({ kept });
    const first = await slotOf(enter(queue));
    clock.advance(400);
    release(first);
    const second = await slotOf(enter(queue));
    const places = [1, 2].map(() => queue.enter(asked('a', { patience: 'kept' })));
    const told = () => places.map((place) => place.ok && place.value.waiting());
    expect(told()).toEqual([
      { position: 1, expectedMs: 400 },
      { position: 2, expectedMs: 800 },
    ]);
    release(second);
    expect(told()).toEqual([undefined, { position: 1, expectedMs: 360 }]);
  });
});

test('a thousand of one tenant add less than one execution to the wait of another', async () => {
  const many = { waitersMax: 2_000, waitersPerTenantMax: 2_000, waitMsMax: 60_000 };
  const { queue, clock } = setting({ ...many, concurrency: 4 });
  const slots: Slot[] = [];
  for (let count = 0; count < 4; count += 1) slots.push(await slotOf(enter(queue, 'flood')));
  for (let count = 0; count < 1_000; count += 1) {
    void enter(queue, 'flood').then((admitted) => {
      if (admitted.kind === 'slot') slots.push(admitted.slot);
    });
  }
  clock.advance(1);
  const place = queue.enter(asked('quiet'));
  expect(place.ok && place.value.waiting()?.position).toBe(1);
  let isIn = false;
  if (place.ok) {
    void place.value.admission.then(() => {
      isIn = true;
    });
  }
  const first = slots.shift();
  if (first !== undefined) release(first); // The first that ends lets it in, none of the thousand.
  await Promise.resolve();
  expect(isIn).toBe(true);
  expect(queue.load()).toEqual({ running: 4, queued: 1_000 });
});

describe('what is told before anything is made of a request', () => {
  test('nothing, while a slot is free or there is a place to wait', async () => {
    const { queue } = setting({ waitersMax: 0 });
    expect(queue.fullFor('a', 'caller')).toBeUndefined();
    const { queue: waiting } = setting();
    await slotOf(enter(waiting));
    void enter(waiting);
    expect(waiting.fullFor('a', 'caller')).toBeUndefined();
  });

  test('the same as who enters is told, of one tenant and of all', async () => {
    const { queue } = setting();
    await slotOf(enter(queue));
    void enter(queue, 'a');
    void enter(queue, 'a');
    expect(queue.fullFor('a', 'caller')).toMatchObject({ code: 'OVERLOADED' });
    expect(queue.enter(asked('a')).ok).toBe(false);
    expect(queue.fullFor('b', 'caller')).toBeUndefined();
    void enter(queue, 'b');
    expect(queue.fullFor('c', 'caller')).toMatchObject({ detail: 'queue full' });
    expect(queue.enter(asked('c')).ok).toBe(false);
  });
});
