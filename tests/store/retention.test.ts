import assert from 'node:assert/strict';
import { findExecution, insertExecutions } from '@gozolite/store/executions';
import { insertKey } from '@gozolite/store/keys';
import { bareEnded, eraseTenant, forgetEnded, tenantsKept } from '@gozolite/store/retention';
import type { Database } from '@gozolite/store/sql';
import { findTenant, insertTenant } from '@gozolite/store/tenants';
import { describe } from 'vitest';
import { KINDS, type WithStore, withStoreAt } from './databases.js';

async function ended(store: Database, tenant: string, ...times: readonly (number | null)[]) {
  const rows = times.map((endedAt, at) => ({
    ...{ id: `exe_${tenant}_${at}`, tenant, server: 'srv_1', language: 'bash', labels: null },
    ...{ createdAt: 1, dueAt: 9, startedAt: null, endedAt, status: 'ok', bytes: 3, record: 'out' },
  }));
  await insertExecutions(store, rows);
}

async function records(store: Database, tenant: string, count: number): Promise<string> {
  const found = [];
  for (let at = 0; at < count; at += 1) {
    const row = await findExecution(store, tenant, `exe_${tenant}_${at}`);
    found.push(row === undefined ? '-' : `${row.record}${row.bytes}`);
  }
  return found.join(' ');
}

for (const { kind, place } of KINDS) {
  describe(kind, () => retention(withStoreAt(place)));
}

function retention(withStore: WithStore): void {
  withStore('a tenant’s are forgotten and bared up to a time; others’ are not', async (store) => {
    await ended(store, 'alice', 100, 200, 300, null);
    await ended(store, 'bob', 100);
    const tenants = [];
    for await (const tenant of tenantsKept(store)) tenants.push(tenant);
    assert.deepEqual(tenants, ['alice', 'bob']);
    const bare = async (record: string) => record.toUpperCase().concat('!');
    assert.equal(await bareEnded(store, 'alice', 200, bare), 2);
    assert.equal(await bareEnded(store, 'alice', 200, bare), 0);
    assert.equal(await forgetEnded(store, 'alice', 100), 1);
    assert.equal(await records(store, 'alice', 4), '- OUT!4 out3 out3');
    assert.equal(await records(store, 'bob', 1), 'out3');
  });

  withStore('more than are done at once are done', async (store) => {
    const times = Array.from({ length: 45 }, () => 100);
    await ended(store, 'alice', ...times);
    assert.equal(await bareEnded(store, 'alice', 100, async () => ''), 45);
  });

  withStore('of a tenant that is erased its id is left, and nothing else', async (store) => {
    for (const id of ['alice', 'bob']) {
      await insertTenant(store, { id, name: 'Name', createdAt: 1, revokedAt: 2 });
      await ended(store, id, 100, null);
      await insertKey(store, {
        ...{
          id: `key_${id}`,
          tenant: id,
          name: 'ci',
          hash: `h${id}`,
          hint: 'gzl_',
          scopes: 'read',
        },
        ...{ createdAt: 1, expiresAt: null, lastUsedAt: null, revokedAt: 2 },
      });
    }
    const erased = await store.transaction((sql) => eraseTenant(sql, 'alice'));
    assert.deepEqual(erased, { executions: 2, webhooks: 0, keys: 1 });
    assert.deepEqual(await findTenant(store, 'alice'), {
      ...{ id: 'alice', name: '', createdAt: 1, revokedAt: 2 },
    });
    assert.equal(await records(store, 'alice', 2), '- -');
    assert.equal(await records(store, 'bob', 2), 'out3 out3');
    const keys = await store.query('SELECT id FROM keys');
    assert.deepEqual(keys, [{ id: 'key_bob' }]);
  });
}
