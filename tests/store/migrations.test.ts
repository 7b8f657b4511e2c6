import assert from 'node:assert/strict';
import { findExecution } from '@gozolite/store/executions';
import { findClaim } from '@gozolite/store/idempotency';
import { findKeyByHash } from '@gozolite/store/keys';
import { migrate } from '@gozolite/store/migrations/migrate';
import { MIGRATIONS } from '@gozolite/store/migrations/migrations';
import type { Database } from '@gozolite/store/sql';
import { findTenant } from '@gozolite/store/tenants';
import { findDelivery } from '@gozolite/store/webhooks/deliveries';
import { findWebhook } from '@gozolite/store/webhooks/webhooks';
import { describe, test } from 'vitest';
import { KINDS } from './databases.js';

/** What each version brought, as it could be written then; later versions have to keep it. */
const WRITTEN: readonly (readonly string[])[] = [
  [
    "INSERT INTO tenants VALUES ('alice', 'Alice', 1700000000123, NULL)",
    `INSERT INTO keys
     VALUES ('key_1', 'alice', 'ci', 'cafe', 'gzl_abcd', 'execute', 5, 6, 7, NULL)`,
  ],
  ["INSERT INTO marks VALUES ('secret', 'beef')"],
  [
    "INSERT INTO usage_windows VALUES ('alice', 'hour', 3600000, 1, 2, 3)",
    "INSERT INTO reservations VALUES ('exe_1', 'alice', 'srv_1', 4, 5, 6)",
  ],
  [
    `INSERT INTO executions
     VALUES ('exe_1', 'alice', 'srv_1', 'bash', NULL, 1, 9, 2, 3, 'ok', 2, '{}')`,
    "INSERT INTO idempotency VALUES ('alice', 'once', 'cafe', 'exe_1', 1)",
  ],
  [
    `INSERT INTO webhooks VALUES
     ('whk_1', 'alice', 'https://a.example/', 'id', '', 'v1.x', NULL, NULL, 1, NULL, NULL, NULL)`,
    `INSERT INTO webhook_deliveries VALUES
     ('msg_1', 'alice', 'whk_1', 'exe_1', 'pending', 1, 2, NULL, 3, NULL, '[]')`,
  ],
];

const KEPT: readonly ((store: Database) => Promise<void>)[] = [
  async (store) => {
    assert.equal((await findTenant(store, 'alice'))?.name, 'Alice');
    assert.equal((await findKeyByHash(store, 'cafe'))?.key.expiresAt, 6);
  },
  async (store) => {
    assert.deepEqual(await store.query('SELECT value FROM marks'), [{ value: 'beef' }]);
  },
  async (store) => {
    const rows = await store.query('SELECT span, cpu_ms FROM usage_windows');
    assert.deepEqual(rows, [{ span: 'hour', cpu_ms: 2 }]);
    const [held] = await store.query('SELECT execution, output_bytes FROM reservations');
    assert.deepEqual(held, { execution: 'exe_1', output_bytes: 6 });
  },
  async (store) => {
    assert.equal((await findExecution(store, 'alice', 'exe_1'))?.record, '{}');
    const known = await findClaim(store, { tenant: 'alice', name: 'once', since: 0 });
    assert.equal(known?.answer, 'exe_1');
  },
  async (store) => {
    assert.equal((await findWebhook(store, 'alice', 'whk_1'))?.secret, 'v1.x');
    assert.equal((await findDelivery(store, 'alice', 'msg_1'))?.tries, 3);
  },
];

test('versions count from 1, and each has something written in its time', () => {
  assert.deepEqual(
    MIGRATIONS.map(({ version }) => version),
    MIGRATIONS.map((_, index) => index + 1),
  );
  assert.equal(WRITTEN.length, MIGRATIONS.length);
  assert.equal(KEPT.length, MIGRATIONS.length);
});

for (const { kind, place } of KINDS) {
  describe(kind, () => {
    for (let from = 1; from <= MIGRATIONS.length; from += 1) {
      test(`what was written at version ${from} is there at the newest`, async () => {
        await using own = await place();
        const store = await own.open();
        for (let version = 1; version <= from; version += 1) {
          await migrate(store, MIGRATIONS.slice(0, version));
          for (const statement of WRITTEN[version - 1] ?? []) await store.query(statement);
        }
        await migrate(store);
        await migrate(store); // A second start finds nothing to do.
        for (const kept of KEPT.slice(0, from)) await kept(store);
        const rows = await store.query('SELECT version FROM schema_versions');
        assert.equal(rows.length, MIGRATIONS.length);
      });
    }

    test('a store of a newer GozoLite, or of another history, is left alone', async () => {
      await using own = await place();
      const store = await own.open();
      await migrate(store);
      await assert.rejects(migrate(store, MIGRATIONS.slice(0, 1)), /no way back/);
      const other = MIGRATIONS.map((each) => ({ ...each, statements: [...each.statements, ''] }));
      await assert.rejects(migrate(store, other), /is not the one of GozoLite/);
    });

    test('a migration that fails half-way leaves nothing of itself', async () => {
      await using own = await place();
      const store = await own.open();
      const statements = ['CREATE TABLE half (a BIGINT)', 'no SQL at all'];
      const broken = { version: MIGRATIONS.length + 1, name: 'broken', statements };
      await migrate(store);
      await assert.rejects(migrate(store, [...MIGRATIONS, broken]));
      await assert.rejects(store.query('SELECT a FROM half'));
      await migrate(store);
    });

    test('eight servers that start at once migrate once', async () => {
      await using own = await place();
      const stores = await Promise.all(Array.from({ length: 8 }, () => own.open()));
      await Promise.all(stores.map((store) => migrate(store)));
      const rows = await stores[0]?.query('SELECT version FROM schema_versions');
      assert.equal(rows?.length, MIGRATIONS.length);
    });
  });
}
