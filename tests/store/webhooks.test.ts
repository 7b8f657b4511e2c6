import assert from 'node:assert/strict';
import { type ExecutionRow, endExecution, insertExecutions } from '@gozolite/store/executions';
import { migrate } from '@gozolite/store/migrations/migrate';
import type { Database } from '@gozolite/store/sql';
import {
  armDeliveries,
  armDelivery,
  countPending,
  findDelivery,
  forgetDeliveries,
  listDeliveries,
  type NewDelivery,
  redeliver,
  releaseDeliveries,
  settleDelivery,
  takeDeliveries,
  tenantsDue,
} from '@gozolite/store/webhooks/deliveries';
import {
  deleteWebhook,
  enableWebhook,
  findWebhook,
  insertWebhook,
  rotateWebhook,
  type WebhookRow,
  webhookFailed,
  webhookGone,
  webhookWell,
} from '@gozolite/store/webhooks/webhooks';
import { describe, test } from 'vitest';
import { KINDS, type Place, type WithStore, withStoreAt } from './databases.js';

const HOOK: WebhookRow = {
  ...{ id: 'whk_1', tenant: 'alice', url: 'https://a.example/', payload: 'id', description: '' },
  ...{ secret: 'sealed', oldSecret: null, oldSecretUntil: null, createdAt: 1 },
  ...{ failingSince: null, disabledAt: null, disabledWhy: null },
};

/** Accepted, with what is to be told of each. */
async function accept(store: Database, count: number, tenant = 'alice'): Promise<void> {
  const rows: (ExecutionRow & { readonly record: string })[] = [];
  const deliveries: NewDelivery[] = [];
  for (let at = 1; at <= count; at += 1) {
    const execution = `exe_${tenant}_${at}`;
    rows.push({
      ...{ id: execution, tenant, server: 'srv_1', language: 'bash', labels: null },
      ...{ createdAt: 100, dueAt: 1000, startedAt: null, endedAt: null },
      ...{ status: 'failed', bytes: 2, record: '{}' },
    });
    const id = `msg_${tenant}_${at}`;
    deliveries.push({ id, tenant, webhook: 'whk_1', execution, createdAt: 100 });
  }
  await insertExecutions(store, rows, undefined, deliveries);
}

const LEASE = { tenant: 'alice', server: 'srv_1', now: 200, until: 900, limit: 10 };

for (const { kind, place } of KINDS) {
  const withStore = withStoreAt(place);
  describe(kind, () => {
    endpoints(withStore);
    deliveries(withStore);
    keeping(withStore);
    servers(place);
  });
}

function endpoints(withStore: WithStore): void {
  withStore('a webhook is its tenant’s, found by id and by URL', async (store) => {
    assert.equal(await insertWebhook(store, HOOK), true);
    assert.equal(await insertWebhook(store, { ...HOOK, id: 'whk_2' }), false);
    assert.equal(await insertWebhook(store, { ...HOOK, id: 'whk_3', tenant: 'bob' }), true);
    assert.deepEqual(await findWebhook(store, 'alice', 'whk_1'), HOOK);
    assert.equal((await findWebhook(store, 'bob', HOOK.url))?.id, 'whk_3');
    assert.equal(await findWebhook(store, 'bob', 'whk_1'), undefined);
    assert.equal(await deleteWebhook(store, 'bob', 'whk_1'), undefined);
    const rotated = await rotateWebhook(store, HOOK, 'fresh', 50);
    assert.deepEqual(
      [rotated?.secret, rotated?.oldSecret, rotated?.oldSecretUntil],
      ['fresh', 'sealed', 50],
    );
  });

  withStore(
    'failing begins once, ends with what gets through, and disables in the end',
    async (store) => {
      await insertWebhook(store, HOOK);
      assert.equal(await webhookFailed(store, 'whk_1', 100, 0), false);
      assert.equal(await webhookFailed(store, 'whk_1', 200, 100), false);
      assert.equal((await findWebhook(store, 'alice', 'whk_1'))?.failingSince, 100);
      await webhookWell(store, 'whk_1');
      assert.equal((await findWebhook(store, 'alice', 'whk_1'))?.failingSince, null);
      await webhookFailed(store, 'whk_1', 300, 0);
      assert.equal(await webhookFailed(store, 'whk_1', 400, 301), true);
      await webhookGone(store, 'whk_1', 500); // It is disabled already, and stays so.
      const off = await findWebhook(store, 'alice', 'whk_1');
      assert.deepEqual([off?.disabledAt, off?.disabledWhy], [400, 'failing']);
      const on = await enableWebhook(store, 'alice', 'whk_1');
      assert.deepEqual([on?.disabledAt, on?.disabledWhy, on?.failingSince], [null, null, null]);
    },
  );
}

function deliveries(withStore: WithStore): void {
  withStore('a delivery waits for its execution’s end, and is due from then on', async (store) => {
    await accept(store, 3);
    await armDeliveries(store, 150);
    assert.deepEqual(await tenantsDue(store, 1000, 10), []);
    await endExecution(store, 'exe_alice_1', { startedAt: 1, at: 150, status: 'ok', record: '{}' });
    await armDelivery(store, 'exe_alice_1', 160);
    await endExecution(store, 'exe_alice_2', { startedAt: 1, at: 150, status: 'ok', record: '{}' });
    await armDeliveries(store, 170);
    assert.deepEqual(await tenantsDue(store, 159, 10), []);
    assert.deepEqual(await tenantsDue(store, 160, 10), ['alice']);
    assert.equal(await countPending(store), 2);
    const taken = await takeDeliveries(store, LEASE);
    assert.deepEqual(taken.map(({ id, nextAt }) => `${id} ${nextAt}`).sort(), [
      'msg_alice_1 900',
      'msg_alice_2 900',
    ]);
    assert.deepEqual(await takeDeliveries(store, LEASE), []);
    assert.equal((await findDelivery(store, 'alice', 'msg_alice_3'))?.state, 'waiting');
    assert.equal(await findDelivery(store, 'bob', 'msg_alice_3'), undefined);
  });

  withStore('an attempt counts where nobody else has taken it meanwhile', async (store) => {
    await accept(store, 1);
    await store.query('UPDATE executions SET ended_at = 150');
    await armDeliveries(store, 150);
    const [taken] = await takeDeliveries(store, LEASE);
    assert.ok(taken);
    const to = { state: 'pending', nextAt: 5000, tries: 1, endedAt: null, attempts: '[{}]' };
    assert.equal(await settleDelivery(store, { id: taken.id, nextAt: 899 }, to), false);
    assert.equal(await settleDelivery(store, taken, to), true);
    assert.equal(await settleDelivery(store, taken, { ...to, state: 'failed' }), false);
    const again = await redeliver(store, 'alice', taken.id, 300);
    assert.deepEqual([again?.nextAt, again?.tries, again?.state], [300, 0, 'pending']);
    assert.equal(await redeliver(store, 'bob', taken.id, 300), undefined);
  });
}

function keeping(withStore: WithStore): void {
  withStore('a dead server’s are released, others’ are not', async (store) => {
    await accept(store, 1);
    await accept(store, 1, 'bob');
    await store.query('UPDATE executions SET ended_at = 150');
    await armDeliveries(store, 150);
    await takeDeliveries(store, LEASE);
    await takeDeliveries(store, { ...LEASE, tenant: 'bob', server: 'srv_2' });
    await releaseDeliveries(store, 'srv_1', 210);
    assert.deepEqual(await tenantsDue(store, 300, 10), ['alice']);
    assert.deepEqual(await tenantsDue(store, 900, 10), ['alice', 'bob']);
  });

  withStore('of each tenant the newest are kept, and what ended long ago is not', async (store) => {
    await accept(store, 5);
    await accept(store, 2, 'bob');
    await store.query("UPDATE executions SET ended_at = 1 WHERE id <> 'exe_alice_1'");
    await armDeliveries(store, 150);
    await forgetDeliveries(store, 0, 3);
    const ids = async (tenant: string) => {
      const all = { webhook: '', execution: '', state: '', before: '', limit: 10 };
      return (await listDeliveries(store, tenant, all)).map(({ id }) => id.slice(-1)).join('');
    };
    assert.deepEqual([await ids('alice'), await ids('bob')], ['5431', '21']); // 1 waits yet.
    const to = { state: 'delivered', nextAt: null, tries: 1, endedAt: 400, attempts: '[]' };
    const [taken] = await takeDeliveries(store, { ...LEASE, tenant: 'bob' });
    assert.ok(taken);
    await settleDelivery(store, taken, to);
    await forgetDeliveries(store, 400, 3);
    assert.equal(await ids('bob'), '21');
    await forgetDeliveries(store, 401, 3);
    assert.equal((await ids('bob')).length, 1);
    await insertWebhook(store, HOOK);
    await deleteWebhook(store, 'alice', 'whk_1');
    assert.equal(await ids('alice'), '');
  });
}

function servers(place: () => Promise<Place>): void {
  test('two servers that look at once take each delivery once', async () => {
    await using own = await place();
    const [one, two] = [await own.open(), await own.open()];
    await migrate(one);
    await accept(one, 40);
    await one.query('UPDATE executions SET ended_at = 150');
    await armDeliveries(one, 150);
    const looks = Array.from({ length: 8 }, (_, at) =>
      takeDeliveries(at % 2 === 0 ? one : two, { ...LEASE, limit: 7 }),
    );
    const ids = (await Promise.all(looks)).flat().map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.length >= 7, `${ids.length}`);
  });
}
