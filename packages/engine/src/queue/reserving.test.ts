import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakeClock } from '../testing/fake-clock.js';
import { type Admission, createQueue, type Queue, type Slot } from './queue.js';
import type { Reservation } from './room.js';

const reservable = { memoryKb: 1_000, cpus: 8 };
const concurrency = 4;
const HOLD_MS_MAX = 20;
const bounds = { waitersMax: 5_000, waitersPerTenantMax: 5_000, waitMsMax: 1_000_000 };

/** One that comes, holds its slot for so long, or gives up before it has one. */
interface Coming {
  readonly tenant: string;
  readonly reserve: Reservation;
  readonly atMs: number;
  readonly holdMs: number;
  readonly giveUpMs: number | undefined;
}

interface Gone {
  readonly kinds: Admission['kind'][];
  enteredMs: number;
}

/** What may be asked for: a slot's share, more, and more than there is at all. */
const reserves = fc.record({
  memoryKb: fc.oneof(fc.constant(250), fc.integer({ min: 1, max: 1_500 })),
  cpus: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 })),
});
const comings = fc.array(
  fc.record({
    tenant: fc.constantFrom('a', 'b', 'c'),
    reserve: reserves,
    atMs: fc.integer({ min: 0, max: 100 }),
    holdMs: fc.integer({ min: 1, max: HOLD_MS_MAX }),
    giveUpMs: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 60 },
);

/** Lets them come and go, a millisecond after the other, and looks at what is held each time. */
async function passing(
  all: readonly Coming[],
  look: (queue: Queue, running: ReadonlySet<Coming>) => void,
): Promise<ReadonlyMap<Coming, Gone>> {
  const clock = fakeClock();
  const queue = createQueue({ clock, concurrency, reservable, ...bounds });
  const running = new Set<Coming>();
  const gone = new Map<Coming, Gone>();
  const come = (coming: Coming): void => {
    const { tenant, reserve, holdMs, giveUpMs } = coming;
    const leaving = new AbortController();
    const standing = { tenant, weight: 1, rank: 0, patience: 'caller' } as const;
    const place = queue.enter({ ...standing, reserve, signal: leaving.signal });
    if (!place.ok) throw new Error(place.error.detail);
    const mine: Gone = { kinds: [], enteredMs: Number.NaN };
    gone.set(coming, mine);
    if (giveUpMs !== undefined) clock.schedule(giveUpMs, () => leaving.abort());
    const enter = (slot: Slot): void => {
      mine.enteredMs = clock.monotonicMs();
      running.add(coming);
      clock.schedule(holdMs, () => {
        running.delete(coming);
        slot[Symbol.dispose]();
      });
    };
    void place.value.admission.then((admission) => {
      mine.kinds.push(admission.kind);
      if (admission.kind === 'slot') enter(admission.slot);
    });
  };
  for (const coming of all) clock.schedule(coming.atMs, () => come(coming));
  for (let ms = 0; gone.size < all.length || clock.scheduled() > 0; ms += 1) {
    if (ms > all.length * HOLD_MS_MAX + 10_000) throw new Error('it does not end');
    clock.advance(1);
    await Promise.resolve();
    look(queue, running);
  }
  return gone;
}

const nothing = () => undefined;

describe('whatever is asked for', () => {
  test('no more is reserved than there is, and what is larger than all runs alone', () =>
    fc.assert(
      fc.asyncProperty(comings, async (all) => {
        await passing(all, (queue, running) => {
          const { memoryKb, cpus } = queue.reserved();
          expect(memoryKb).toBeLessThanOrEqual(reservable.memoryKb);
          expect(cpus).toBeLessThanOrEqual(reservable.cpus);
          expect(queue.load().running).toBeLessThanOrEqual(concurrency);
          const asked = [...running].reduce((sum, { reserve }) => sum + reserve.memoryKb, 0);
          if (running.size > 1) expect(asked).toBeLessThanOrEqual(reservable.memoryKb);
        });
      }),
      { numRuns: 60 },
    ));

  test('each comes to one end, nobody starves, and all is given back', () =>
    fc.assert(
      fc.asyncProperty(comings, async (all) => {
        let last: Queue | undefined;
        const gone = await passing(all, (queue) => {
          last = queue;
        });
        for (const [{ giveUpMs }, { kinds }] of gone) {
          expect(kinds).toHaveLength(1);
          if (giveUpMs === undefined) expect(kinds).toEqual(['slot']);
        }
        expect(last?.reserved()).toEqual({ memoryKb: 0, cpus: 0 });
        expect(last?.load()).toEqual({ running: 0, queued: 0 });
      }),
      { numRuns: 60 },
    ));

  test('a thousand of one tenant add less than one execution to the wait of another', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(reserves, { minLength: 1, maxLength: 8 }),
        reserves,
        fc.integer({ min: 1, max: 200 }),
        async (sizes, reserve, atMs) => {
          const patient = { holdMs: HOLD_MS_MAX, giveUpMs: undefined };
          const flood = Array.from({ length: 1_000 }, (_, at): Coming => {
            const size = sizes[at % sizes.length] ?? reserve;
            return { ...patient, tenant: 'flood', reserve: size, atMs: 0 };
          });
          const quiet: Coming = { ...patient, tenant: 'quiet', reserve, atMs };
          const gone = await passing([...flood, quiet], nothing);
          const waitedMs = (gone.get(quiet)?.enteredMs ?? Number.NaN) - atMs;
          expect(waitedMs).toBeLessThanOrEqual(HOLD_MS_MAX);
        },
      ),
      { numRuns: 5 },
    ));
});

describe('between tenants', () => {
  test('who reserves four shares at once gets the share of who reserves one', async () => {
    const patient = { holdMs: 5, giveUpMs: undefined, atMs: 0 };
    const large = { ...patient, tenant: 'large', reserve: { memoryKb: 1_000, cpus: 1 } };
    const small = { ...patient, tenant: 'small', reserve: { memoryKb: 250, cpus: 1 } };
    const all = Array.from({ length: 400 }, (_, at) => (at < 100 ? { ...large } : { ...small }));
    const gone = await passing(all, nothing);
    const entered = all
      .toSorted((one, other) => (gone.get(one)?.enteredMs ?? 0) - (gone.get(other)?.enteredMs ?? 0))
      .slice(0, 100);
    const larges = entered.filter(({ tenant }) => tenant === 'large').length;
    expect(larges).toBeGreaterThanOrEqual(19);
    expect(larges).toBeLessThanOrEqual(21);
  });
});

describe('who is next and does not fit', () => {
  const size = (memoryKb: number): Reservation => ({ memoryKb, cpus: 1 });
  const patient = { tenant: 'a', atMs: 0, holdMs: 10, giveUpMs: undefined };

  test('waits for what runs, and for nobody behind it', async () => {
    const before: Coming = { ...patient, reserve: size(300) };
    const large: Coming = { ...patient, atMs: 1, tenant: 'b', reserve: size(800) };
    const behind = Array.from({ length: 20 }, (_, at): Coming => {
      return { ...patient, atMs: 2 + at, holdMs: 20, reserve: size(100) };
    });
    const gone = await passing([before, large, ...behind], nothing);
    expect(gone.get(large)?.enteredMs).toBe(11);
  });

  test('and gives up, lets those in that stood behind it', async () => {
    const before: Coming = { ...patient, holdMs: 20, reserve: size(300) };
    const large: Coming = { ...patient, atMs: 1, reserve: size(800), giveUpMs: 5 };
    const behind: Coming = { ...patient, atMs: 2, reserve: size(100) };
    const gone = await passing([before, large, behind], nothing);
    expect(gone.get(large)?.kinds).toEqual(['cancelled']);
    expect(gone.get(behind)?.enteredMs).toBe(6);
  });

  test('is foreseen as long as what it takes: four shares, four slots of time', async () => {
    const clock = fakeClock();
    const queue = createQueue({ clock, concurrency, reservable, ...bounds });
    const standing = { tenant: 'a', weight: 1, rank: 0, patience: 'caller' } as const;
    const { signal } = new AbortController();
    const enter = (memoryKb: number) => {
      const place = queue.enter({ ...standing, reserve: size(memoryKb), signal });
      if (!place.ok) throw new Error(place.error.detail);
      return place.value;
    };
    const admission = await enter(250).admission;
    clock.advance(400);
    if (admission.kind === 'slot') admission.slot[Symbol.dispose]();
    void enter(250); // Runs.
    expect(enter(1_000).waiting()).toEqual({ position: 1, expectedMs: 400 });
    expect(enter(250).waiting()).toEqual({ position: 2, expectedMs: 500 });
  });
});
