import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { startReceiver } from './receiver.js';
import { ACME, webhooksSetting } from './setting-under-test.js';

const DAY_MS = 24 * 3_600_000;

test('the standardwebhooks package verifies what is sent, which is the record', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  own.start();
  const hook = await own.register(receiver.url);
  const { execution, id } = await own.accept(hook.id);
  expect((await own.until(id, 'waiting')).next_attempt_at).toBeNull();
  await own.end(execution);
  const delivery = await own.until(id, 'delivered');
  expect(delivery.attempts).toMatchObject([{ outcome: 'delivered', http_status: 200 }]);
  const [got] = receiver.received;
  const headers = got?.headers as Record<string, string>;
  const event = new Webhook(hook.secret).verify(got?.body ?? '', headers);
  expect(event).toMatchObject({
    type: 'execution.ended',
    timestamp: new Date(own.clock.now).toISOString(),
    data: {
      ...{ id: execution, state: 'ended', status: 'ok', labels: { a: 'b' } },
      record: { status: 'ok', stdout: '42\n' },
    },
  });
  expect(headers['webhook-id']).toBe(id);
  expect(headers['user-agent']).toBe('GozoLite/test');
  const changed = (got?.body ?? '').replace('42', '43');
  expect(() => new Webhook(hook.secret).verify(changed, headers)).toThrow();
  expect(own.counted).toEqual(['delivered', 'delivered']);
});

test('who wants ids alone is sent no output, and a long record stays here', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  own.start();
  const hook = await own.register(receiver.url, 'id');
  const one = await own.accept(hook.id);
  await own.end(one.execution);
  await own.until(one.id, 'delivered');
  const full = await own.register(`${receiver.url}?full`);
  const two = await own.accept(full.id);
  await own.end(two.execution, `{"stdout":"${'x'.repeat(1024 * 1024)}"}`);
  await own.until(two.id, 'delivered');
  const events = receiver.received.map(({ body }) => JSON.parse(body).data);
  expect(events[0]).toMatchObject({ id: one.execution, status: 'ok' });
  expect(events[0].record).toBeUndefined();
  expect([events[1].record, events[1].record_omitted]).toEqual([undefined, true]);
});

test('while a secret is rotated both sign, and then the new one alone', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  own.start();
  const hook = await own.register(receiver.url);
  const rotated = await own.endpoints.rotate(ACME, hook.id, 3600);
  const fresh = rotated.ok ? rotated.value.secret : '';
  const verifies = (secret: string, at: number) => {
    const got = receiver.received[at];
    try {
      new Webhook(secret).verify(got?.body ?? '', got?.headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  };
  const one = await own.accept(hook.id);
  await own.end(one.execution);
  await own.until(one.id, 'delivered');
  expect([verifies(hook.secret, 0), verifies(fresh, 0)]).toEqual([true, true]);
  own.clock.now += 3_600_001;
  const two = await own.accept(hook.id);
  await own.end(two.execution);
  await own.until(two.id, 'delivered');
  const signatures = receiver.received.map(({ headers }) =>
    String(headers['webhook-signature']).split(' '),
  );
  expect(signatures.map(({ length }) => length)).toEqual([2, 1]);
});

test('what fails is tried again under the same id, ten times, and then given up', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 503);
  const deliverer = own.start();
  const hook = await own.register(receiver.url);
  const { execution, id } = await own.accept(hook.id);
  await own.end(execution);
  for (let tries = 1; tries < 10; tries += 1) {
    const { next_attempt_at: next } = await own.until(id, 'pending', tries);
    own.clock.now = Date.parse(next ?? '');
    deliverer.wake();
  }
  const failed = await own.until(id, 'failed');
  expect(failed.attempts.length).toBe(10);
  expect(failed.attempts.at(-1)).toMatchObject({ outcome: 'status', http_status: 503 });
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
    new Set([id]),
  );
  const times = receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']));
  expect(times.at(-1)).toBeGreaterThan((times[0] ?? 0) + 75 * 3600);
  expect(own.counted.at(-1)).toBe('failed');
  expect((await own.infoOf(hook.id))?.failing_since).not.toBeNull();
});

test('delivered again by hand it has the same id, and a first attempt again', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver((_, count) => (count === 1 ? 500 : 200));
  own.start();
  const hook = await own.register(receiver.url);
  const { execution, id } = await own.accept(hook.id);
  expect(await own.endpoints.redeliver(ACME, id)).toMatchObject({ error: { code: 'CONFLICT' } });
  await own.end(execution);
  await own.until(id, 'pending', 1);
  expect((await own.endpoints.redeliver('other', id)).ok).toBe(false);
  expect((await own.endpoints.redeliver(ACME, id)).ok).toBe(true);
  await own.until(id, 'delivered', 2);
  await own.endpoints.redeliver(ACME, id);
  await own.until(id, 'delivered', 3);
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([id, id, id]);
  expect((await own.infoOf(hook.id))?.failing_since).toBeNull();
});

test('410 disables a webhook; enabled again it gets what is delivered by hand', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver((_, count) => (count === 1 ? 410 : 200));
  own.start();
  const hook = await own.register(receiver.url);
  const one = await own.accept(hook.id);
  await own.end(one.execution);
  await own.until(one.id, 'failed', 1);
  expect((await own.infoOf(hook.id))?.disabled_why).toBe('gone');
  const two = await own.accept(hook.id);
  await own.end(two.execution);
  const failed = await own.until(two.id, 'failed', 1);
  expect(failed.attempts[0]?.outcome).toBe('disabled');
  expect(receiver.received.length).toBe(1);
  expect((await own.endpoints.enable(ACME, hook.id)).ok).toBe(true);
  await own.endpoints.redeliver(ACME, two.id);
  await own.until(two.id, 'delivered');
});

test('where nothing got through for five days, it is disabled', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 500);
  own.start();
  const hook = await own.register(receiver.url);
  for (const days of [0, 4, 2]) {
    own.clock.now += days * DAY_MS;
    const { execution, id } = await own.accept(hook.id);
    await own.end(execution);
    await own.until(id, 'pending', 1);
    const why = (await own.infoOf(hook.id))?.disabled_why;
    expect(why).toBe(days === 2 ? 'failing' : null);
  }
});
