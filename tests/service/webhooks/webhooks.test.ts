import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Delivery } from '@gozolite/contract/webhooks/webhook';
import { Gozo } from '@gozolite/sdk/gozo';
import { Webhook } from 'standardwebhooks';
import { describe, test } from 'vitest';
import { type Receiver, startReceiver } from '../../../packages/server/src/webhooks/receiver.js';
import { BUILD, startOwnServer } from '../../integration/own-server.js';
import { eventually } from '../../server-under-test.js';
import { entriesOf } from '../audit-entries.js';
import { codeOf, HELLO, SLEEPING, send } from '../calls.js';
import { makeHome, run, STORES, startKeyed } from '../keyed-server.js';

/** The receivers of these tests are on loopback, which the operator has to allow. */
const OWN = { GOZO_WEBHOOK_ALLOW: '127.0.0.1', GOZO_WEBHOOK_HTTP: 'true' };

function until(gozo: Gozo, execution: string, state: string): Promise<Delivery> {
  return eventually(`${execution} is ${state}`, 60_000, async () => {
    const { deliveries } = await gozo.webhooks.deliveries({ execution });
    return deliveries.find((each) => each.state === state);
  });
}

function verified(receiver: Receiver, at: number, secret: string) {
  const got = receiver.received[at];
  const headers = got?.headers as Record<string, string>;
  return new Webhook(secret).verify(got?.body ?? '', headers) as {
    readonly type: string;
    readonly data: { readonly id: string; readonly record: object };
  };
}

for (const store of STORES) {
  describe(store, () => {
    test('who is named is told of the end, signed, and of no other tenant’s', async () => {
      await using keyed = await startKeyed(store, OWN);
      await using receiver = await startReceiver(() => 200);
      const alice = await keyed.tenant('alice');
      const bob = await keyed.tenant('bob');
      const { secret, info } = await alice.gozo.webhooks.create({ url: receiver.url });
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      const one = await alice.gozo.submit({ ...HELLO, webhook: info.id });
      const [two] = await alice.gozo.submitBatch([{ ...HELLO, webhook: receiver.url }]);
      assert.ok(two?.execution);
      await until(alice.gozo, one.id, 'delivered');
      await until(alice.gozo, two.execution.id, 'delivered');
      const events = [0, 1].map((at) => verified(receiver, at, secret));
      const first = events.find(({ data }) => data.id === one.id);
      assert.equal(first?.type, 'execution.ended');
      assert.deepEqual(first?.data, await alice.gozo.execution(one.id));
      assert.equal(await codeOf(bob.gozo.submit({ ...HELLO, webhook: info.id })), NO_SUCH);
      assert.deepEqual(await bob.gozo.webhooks.list(), []);
      // Postgres keeps no NUL; what it can't keep is the request's fault.
      const nul = { url: receiver.url, description: 'a\0b' };
      assert.equal(await codeOf(bob.gozo.webhooks.create(nul)), '422 INVALID_VALUE');
      const inUrl = { url: `${receiver.url}/\0` };
      assert.equal(await codeOf(bob.gozo.webhooks.create(inUrl)), '422 INVALID_VALUE');
      assert.equal(await codeOf(bob.gozo.webhooks.delete(info.id)), '404 NOT_FOUND');
      const message = (await alice.gozo.webhooks.deliveries()).deliveries[0]?.id ?? '';
      assert.equal(await codeOf(bob.gozo.webhooks.redeliver(message)), '404 NOT_FOUND');
      await ledgers(keyed, alice.key, info.id);
    });
  });
}

const NO_SUCH = '422 INVALID_VALUE';

/** What who administers sees: entries, metrics, and another tenant's list. */
async function ledgers(
  { home, server, adminKey }: Awaited<ReturnType<typeof startKeyed>>,
  key: string,
  id: string,
): Promise<void> {
  const bearer = (own: string) => ({ headers: { authorization: `Bearer ${own}` } });
  const asked = `${server.url}/webhooks?tenant=alice`;
  assert.equal((await fetch(asked, bearer(adminKey))).status, 200);
  assert.equal((await fetch(`${server.url}/webhooks?tenant=ops`, bearer(key))).status, 403);
  const changer = await home.key('alice', 'execute');
  const refused = await send(`${server.url}/webhooks/${id}/rotate`, {}, bearer(changer).headers);
  assert.equal(refused.status, 403);
  const gozo = new Gozo({ url: server.url, key });
  await gozo.webhooks.rotate(id);
  await gozo.webhooks.delete(id);
  const did = entriesOf(home.folder).filter(({ kind, tenant }) => {
    return kind === 'admin' && tenant === 'alice';
  });
  assert.deepEqual(
    did.map(({ action, target, made }) => [action, target, made]),
    [
      ['createWebhook', undefined, [id]],
      ['rotateWebhook', id, [id]],
      ['deleteWebhook', id, [id]],
    ],
  );
  const text = await (
    await fetch(`${server.url}/metrics`, bearer(await home.key('ops', 'metrics')))
  ).text();
  assert.match(text, /^gozolite_webhook_deliveries_total\{state="delivered"\} 2$/m);
  assert.match(text, /^gozolite_webhook_backlog 0$/m);
}

test('kill -9 before it is told: the next life tells it, under the same id', async () => {
  await using home = await makeHome('sqlite');
  let isWell = false;
  await using receiver = await startReceiver(() => (isWell ? 200 : 500));
  const env = { ...home.env, ...OWN, GOZO_AUTH: 'none' };
  const ids: string[] = [];
  let secret = '';
  {
    await using doomed = await startOwnServer(env);
    const gozo = new Gozo({ url: doomed.url });
    const made = await gozo.webhooks.create({ url: receiver.url });
    secret = made.secret;
    ids.push((await gozo.submit({ ...HELLO, webhook: made.info.id })).id);
    ids.push((await gozo.submit({ ...SLEEPING, webhook: made.info.id })).id);
    await eventually('an attempt', 60_000, () => receiver.received.length > 0 || undefined);
    doomed.child.kill('SIGKILL');
    await doomed.ended;
  }
  isWell = true;
  await using next = await startOwnServer(env);
  const gozo = new Gozo({ url: next.url });
  for (const id of ids) await until(gozo, id, 'delivered');
  const all = receiver.received.map((_, at) => verified(receiver, at, secret).data);
  const [hello = '', sleeping = ''] = ids;
  assert.ok(all.filter(({ id }) => id === hello).length >= 2);
  const record = all.find(({ id }) => id === sleeping)?.record;
  assert.equal(record && 'error' in record && record.error, 'INTERRUPTED');
  const sent = receiver.received.map(({ headers }) => headers['webhook-id']);
  assert.deepEqual(new Set(sent), new Set(ids.map((id) => id.replace('exe_', 'msg_'))));
});

test('without the operator’s word nothing is sent to inner addresses, nor over http', async () => {
  await using home = await makeHome('sqlite');
  await using inner = await startReceiver(() => 200);
  const named = `https://localhost:${inner.port}/`;
  let webhook = '';
  {
    // The operator allowed it once, and does no more.
    const env = { ...home.env, GOZO_AUTH: 'none', GOZO_WEBHOOK_ALLOW: '127.0.0.0/8' };
    await using server = await startOwnServer(env);
    const gozo = new Gozo({ url: server.url });
    webhook = (await gozo.webhooks.create({ url: named })).info.id;
  }
  await using server = await startOwnServer({ ...home.env, GOZO_AUTH: 'none' });
  const gozo = new Gozo({ url: server.url });
  const inners = [
    ...['127.0.0.1', '[::1]', '0x7f.1', '[::ffff:7f00:1]', '169.254.169.254', '10.0.0.1'],
    'localhost',
  ];
  for (const host of inners) {
    const url = `https://${host}:${inner.port}/`;
    assert.equal(await codeOf(gozo.webhooks.create({ url })), '422 INVALID_VALUE', host);
  }
  assert.equal(await codeOf(gozo.webhooks.create({ url: 'http://example.com/' })), NO_SUCH);
  // Where a name leads is looked at each time that something is sent.
  const { id } = await gozo.submit({ ...HELLO, webhook });
  const { attempts } = await eventually('an attempt', 60_000, async () => {
    const { deliveries } = await gozo.webhooks.deliveries({ execution: id });
    return deliveries.find((each) => each.attempts.length > 0);
  });
  assert.equal(attempts[0]?.outcome, 'address');
  assert.equal(inner.connections(), 0);
  const executed = await send(`${server.url}/execute`, { ...HELLO, webhook });
  assert.equal(executed.status, 400);
});

test('gozo webhooks creates, lists, rotates, tells of deliveries, and delivers again', async () => {
  await using home = await makeHome('sqlite');
  await using receiver = await startReceiver(() => 200);
  await using server = await startOwnServer({ ...home.env, ...OWN, GOZO_AUTH: 'none' });
  const gozo = async (...args: readonly string[]) => {
    const ran = await run([join(BUILD, 'gozo.mjs'), ...args], { GOZO_URL: server.url });
    assert.equal(ran.exitCode, 0, ran.stderr);
    return ran;
  };
  const made = await gozo('webhooks', 'create', receiver.url, '--payload', 'id');
  const secret = made.stdout.trim();
  const id = /whk_[0-9a-f-]+/.exec(made.stderr)?.[0] ?? '';
  const submitted = await gozo('submit', '-l', 'bash', '-c', 'echo 1', '--webhook', id);
  await until(new Gozo({ url: server.url }), submitted.stdout.trim(), 'delivered');
  assert.equal(verified(receiver, 0, secret).data.id, submitted.stdout.trim());
  assert.match((await gozo('webhooks')).stdout, new RegExp(`^${id}  id      well  http://127`));
  const told = (await gozo('webhooks', 'deliveries', '--webhook', id)).stdout;
  assert.match(told, /^msg_\S+ {2}\S+ {2}delivered {2}1x {2}200\n$/);
  await gozo('webhooks', 'redeliver', /msg_[0-9a-f-]+/.exec(told)?.[0] ?? '');
  await eventually('once more', 60_000, () => receiver.received.length === 2 || undefined);
  const fresh = (await gozo('webhooks', 'rotate', id, '--grace', '1h')).stdout.trim();
  assert.notEqual(fresh, secret);
  assert.equal((await gozo('webhooks', 'delete', id)).stdout, `${id}: deleted\n`);
});
