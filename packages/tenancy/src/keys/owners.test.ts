import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { insertKey, revokeKey, touchKey } from '@gozolite/store/keys';
import { openStore } from '@gozolite/store/open';
import type { Database } from '@gozolite/store/sql';
import { insertTenant } from '@gozolite/store/tenants';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOwners } from './owners.js';

const KEY = {
  ...{ id: 'key_1', tenant: 'acme', name: '', hash: 'aa', hint: 'gzl_', scopes: 'execute' },
  ...{ createdAt: 1, expiresAt: null, lastUsedAt: null, revokedAt: null },
};

let folder: string;
let store: Database;
let lookUps: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-owners-'));
  store = await open();
  await insertTenant(store, { id: 'acme', name: '', createdAt: 1, revokedAt: null });
  await insertKey(store, KEY);
  lookUps = 0;
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const open = () => openStore({ kind: 'sqlite', file: join(folder, 'store.db') });

function owners(versionOf = store.versionOf) {
  const query: Database['query'] = (text, parameters) => {
    lookUps += 1;
    return store.query(text, parameters);
  };
  return createOwners({ query, versionOf });
}

test('a key is looked up once, while nobody writes keys and tenants', async () => {
  const own = owners();
  for (let round = 0; round < 5; round += 1) {
    assert.equal((await own.byHash('aa'))?.key.id, 'key_1');
    await store.query(
      'INSERT INTO usage_windows (tenant, span, starts_at, executions, cpu_ms, output_bytes) ' +
        "VALUES ('acme', 'hour', $1, 1, 1, 1)",
      [round],
    );
  }
  expect(lookUps).toBe(1);
});

test('a revocation counts at once, by this connection and by another process', async () => {
  const own = owners();
  assert.equal((await own.byHash('aa'))?.key.revokedAt, null);
  await touchKey(store, 'key_1', 5);
  assert.equal((await own.byHash('aa'))?.key.lastUsedAt, 5);
  await using other = await open();
  await revokeKey(other, 'key_1', 7);
  assert.equal((await own.byHash('aa'))?.key.revokedAt, 7);
  await other.query("UPDATE tenants SET revoked_at = 9 WHERE id = 'acme'");
  assert.equal((await own.byHash('aa'))?.tenantRevokedAt, 9);
  await store.query("UPDATE tenants SET revoked_at = 8 WHERE id = 'acme'");
  assert.equal((await own.byHash('aa'))?.tenantRevokedAt, 8);
});

test('who is not known is looked up each time; so is everybody without a version', async () => {
  const own = owners();
  await own.byHash('bb');
  await own.byHash('bb');
  expect(lookUps).toBe(2);
  const always = owners(() => undefined);
  await always.byHash('aa');
  await always.byHash('aa');
  expect(lookUps).toBe(4);
});
