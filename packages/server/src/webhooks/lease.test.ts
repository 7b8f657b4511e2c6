import { interruptExecutions } from '@gozolite/store/executions';
import { findWebhook } from '@gozolite/store/webhooks/webhooks';
import { expect, test } from 'vitest';
import { startReceiver } from './receiver.js';
import { ACME, webhooksSetting } from './setting-under-test.js';

test('one server delivers, however many look at the same store', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  const hook = await own.register(receiver.url);
  const all = [];
  for (let count = 0; count < 20; count += 1) all.push(await own.accept(hook.id));
  for (const { execution } of all) await own.end(execution);
  const first = own.start('a');
  own.start('b');
  for (const { id } of all) await own.until(id, 'delivered');
  await first[Symbol.asyncDispose]();
  const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(ids.length).toBe(20);
  expect(new Set(ids).size).toBe(20);
});

test('what a killed server was about is delivered by its next life, or another', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  const hook = await own.register(receiver.url);
  for (const [server, passes] of [
    ['dead', 0],
    ['other', 60_000],
  ] as const) {
    const { execution, id } = await own.accept(hook.id);
    await own.end(execution);
    // As it is where a server dies between its taking and its telling.
    const until = own.clock.now + 60_000;
    await own.store.query(
      `UPDATE webhook_deliveries SET state = 'pending', server = 'dead', next_at = $2
       WHERE id = $1`,
      [id, until],
    );
    own.clock.now += passes;
    const life = own.start(server);
    await own.until(id, 'delivered', 1);
    await life[Symbol.asyncDispose]();
  }
});

test('the end that a dead server left is told too', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  const hook = await own.register(receiver.url);
  const { execution, id } = await own.accept(hook.id);
  await interruptExecutions(own.store, 's', own.clock.now);
  own.start();
  await own.until(id, 'delivered');
  expect(JSON.parse(receiver.received[0]?.body ?? '{}').data).toMatchObject({
    id: execution,
    status: 'failed',
  });
});

test('a tenant whose receivers are slow has four at once, and holds up nobody else', async () => {
  await using own = await webhooksSetting();
  let open = 0;
  let most = 0;
  const held: (() => void)[] = [];
  await using slow = await startReceiver(() => (_request, response) => {
    open += 1;
    most = Math.max(most, open);
    held.push(() => {
      open -= 1;
      response.writeHead(200).end();
    });
  });
  await using quick = await startReceiver(() => 200);
  const hook = await own.register(slow.url, 'record', 'slow');
  for (let count = 0; count < 12; count += 1) {
    const { execution } = await own.accept(hook.id, 'slow');
    await own.end(execution);
  }
  own.start();
  while (open < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  const other = await own.register(quick.url);
  const { execution, id } = await own.accept(other.id);
  await own.end(execution);
  await own.until(id, 'delivered');
  expect(open).toBe(4);
  while (slow.received.length < 12 || held.length > 0) {
    held.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(most).toBe(4);
});

test('a store that is away is looked at again, and nothing is lost', async () => {
  await using own = await webhooksSetting();
  await using receiver = await startReceiver(() => 200);
  const deliverer = own.start();
  const hook = await own.register(receiver.url);
  await own.store.query('ALTER TABLE webhook_deliveries RENAME TO away');
  deliverer.wake();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await own.store.query('ALTER TABLE away RENAME TO webhook_deliveries');
  const { execution, id } = await own.accept(hook.id);
  await own.end(execution);
  await own.until(id, 'delivered');
});

test('secrets are sealed in the store, and open in their own row alone', async () => {
  await using own = await webhooksSetting();
  const one = await own.register('http://127.0.0.1:1/one');
  const two = await own.register('http://127.0.0.1:1/two');
  const row = await findWebhook(own.store, ACME, one.id);
  expect(row?.secret).not.toContain(one.secret.slice(6));
  expect(own.sealing.open(row?.secret ?? '', `webhook ${ACME} ${one.id}`)).toBe(one.secret);
  expect(() => own.sealing.open(row?.secret ?? '', `webhook ${ACME} ${two.id}`)).toThrow();
  expect(() => own.sealing.open(row?.secret ?? '', `webhook other ${one.id}`)).toThrow();
});

test('a tenant has its own, thirty-two at most, one of each URL', async () => {
  await using own = await webhooksSetting();
  const { id } = await own.register('http://127.0.0.1:1/0');
  const again = await own.endpoints.create(ACME, { url: 'http://127.0.0.1:1/0' });
  expect(again).toMatchObject({ error: { code: 'CONFLICT' } });
  expect((await own.endpoints.create('other', { url: 'http://127.0.0.1:1/0' })).ok).toBe(true);
  for (let at = 1; at < 32; at += 1) await own.register(`http://127.0.0.1:1/${at}`);
  const more = await own.endpoints.create(ACME, { url: 'http://127.0.0.1:1/33' });
  expect(more).toMatchObject({ error: { code: 'CONFLICT' } });
  for (const change of [
    own.endpoints.remove('other', id),
    own.endpoints.rotate('other', id, 0),
    own.endpoints.enable('other', id),
    own.endpoints.named('other', id),
  ]) {
    expect((await change).ok).toBe(false);
  }
  expect(await own.endpoints.named(ACME, 'http://127.0.0.1:1/7')).toMatchObject({ ok: true });
  expect((await own.endpoints.remove(ACME, id)).ok).toBe(true);
  expect(await own.endpoints.named(ACME, id)).toMatchObject({ error: { code: 'INVALID_VALUE' } });
});

test('where all places are taken, who has none is next', async () => {
  await using own = await webhooksSetting();
  const held: (() => void)[] = [];
  await using slow = await startReceiver(() => (_request, response) => {
    held.push(() => response.writeHead(200).end());
  });
  for (let at = 0; at < 20; at += 1) {
    const tenant = `t${at}`;
    const hook = await own.register(`${slow.url}?${at}`, 'record', tenant);
    for (let count = 0; count < 5; count += 1) {
      const { execution } = await own.accept(hook.id, tenant);
      await own.end(execution);
    }
  }
  own.start();
  while (held.length < 64) await new Promise((resolve) => setTimeout(resolve, 5));
  await using quick = await startReceiver(() => 200);
  own.clock.now += 1; // It comes after all of the others.
  const { id: hook } = await own.register(quick.url);
  const { execution, id } = await own.accept(hook);
  await own.end(execution);
  expect(quick.received.length).toBe(0);
  held.shift()?.();
  await own.until(id, 'delivered');
  for (let free = held.shift(); slow.received.length < 100 || free; free = held.shift()) {
    free?.();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
