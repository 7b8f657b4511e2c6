import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  countLivingKeys,
  expireKey,
  findKey,
  findKeyByHash,
  insertKey,
  type KeyRow,
  listKeys,
  revokeKey,
  touchKey,
} from '@gozolite/store/keys';
import { markOnce } from '@gozolite/store/marks';
import { migrate } from '@gozolite/store/migrations/migrate';
import { openStore, storeAddress } from '@gozolite/store/open';
import { openPostgres } from '@gozolite/store/postgres/postgres';
import { type Database, numberOf, StoreError } from '@gozolite/store/sql';
import { findTenant, insertTenant, listTenants, revokeTenant } from '@gozolite/store/tenants';
import { describe, test } from 'vitest';
import { KINDS, type Place, postgresUrl, type WithStore, withStoreAt } from './databases.js';

const ALICE = { id: 'alice', name: 'Alice', createdAt: 1_700_000_000_123, revokedAt: null };
const KEY: KeyRow = {
  id: 'key_1',
  tenant: 'alice',
  name: 'ci',
  hash: 'a'.repeat(64),
  hint: 'gzl_abcd',
  scopes: 'execute read',
  createdAt: 1_700_000_000_456,
  expiresAt: null,
  lastUsedAt: null,
  revokedAt: null,
};

for (const { kind, place } of KINDS) {
  const withStore = withStoreAt(place);
  describe(kind, () => {
    tenantsAndKeys(withStore);
    transactions(withStore, place);
  });
}

function tenantsAndKeys(withStore: WithStore): void {
  withStore('a tenant is kept as it was given, and a second of its id is not', async (store) => {
    assert.equal(await insertTenant(store, ALICE), true);
    assert.equal(await insertTenant(store, { ...ALICE, name: 'Mallory' }), false);
    assert.deepEqual(await findTenant(store, 'alice'), ALICE);
    assert.equal(await findTenant(store, 'bob'), undefined);
    assert.deepEqual(await listTenants(store), [ALICE]);
  });

  withStore('revoking twice keeps the first time, and what is not there is told', async (store) => {
    await insertTenant(store, ALICE);
    await insertKey(store, KEY);
    assert.equal((await revokeTenant(store, 'alice', 5))?.revokedAt, 5);
    assert.equal((await revokeTenant(store, 'alice', 9))?.revokedAt, 5);
    assert.equal((await revokeKey(store, 'key_1', 6))?.revokedAt, 6);
    assert.equal((await revokeKey(store, 'key_1', 9))?.revokedAt, 6);
    assert.equal(await revokeTenant(store, 'bob', 5), undefined);
    assert.equal(await revokeKey(store, 'key_2', 5), undefined);
  });

  withStore('a key is found by its hash, with what became of its tenant', async (store) => {
    await insertTenant(store, ALICE);
    await insertKey(store, KEY);
    assert.deepEqual(await findKeyByHash(store, KEY.hash), { key: KEY, tenantRevokedAt: null });
    assert.equal(await findKeyByHash(store, 'b'.repeat(64)), undefined);
    await revokeTenant(store, 'alice', 7);
    assert.equal((await findKeyByHash(store, KEY.hash))?.tenantRevokedAt, 7);
    await touchKey(store, 'key_1', 1_800_000_000_000);
    assert.equal((await findKey(store, 'key_1'))?.lastUsedAt, 1_800_000_000_000);
  });

  withStore('an end comes nearer and never goes away', async (store) => {
    await insertTenant(store, ALICE);
    await insertKey(store, KEY);
    for (const [at, then] of [
      [100, 100],
      [200, 100],
      [50, 50],
    ] as const) {
      await expireKey(store, 'key_1', at);
      assert.equal((await findKey(store, 'key_1'))?.expiresAt, then);
    }
  });

  withStore('keys that live are those without an end before now', async (store) => {
    await insertTenant(store, ALICE);
    await insertTenant(store, { ...ALICE, id: 'bob' });
    await insertKey(store, KEY);
    await insertKey(store, { ...KEY, id: 'key_2', hash: 'b', expiresAt: 100 });
    await insertKey(store, { ...KEY, id: 'key_3', hash: 'c', tenant: 'bob' });
    assert.equal(await countLivingKeys(store, 99), 3);
    assert.equal(await countLivingKeys(store, 100), 2);
    await revokeTenant(store, 'bob', 1);
    await revokeKey(store, 'key_1', 1);
    assert.equal(await countLivingKeys(store, 100), 0);
    assert.deepEqual(
      (await listKeys(store, 'bob')).map(({ id }) => id),
      ['key_3'],
    );
    assert.equal((await listKeys(store, undefined)).length, 3);
  });

  withStore('a key of nobody, and a second of one hash, are refused', async (store) => {
    await assert.rejects(insertKey(store, KEY));
    await insertTenant(store, ALICE);
    await insertKey(store, KEY);
    await assert.rejects(insertKey(store, { ...KEY, id: 'key_2' }));
  });
}

function transactions(withStore: WithStore, place: () => Promise<Place>): void {
  withStore('what a transaction did is undone where it throws', async (store) => {
    const work = store.transaction(async (sql) => {
      await insertTenant(sql, ALICE);
      throw new Error('enough');
    });
    await assert.rejects(work, /enough/);
    assert.deepEqual(await listTenants(store), []);
    assert.equal(await insertTenant(store, ALICE), true);
  });

  test('200 increments over two connections at once are 200', async () => {
    await using own = await place();
    const [one, two] = [await own.open(), await own.open()];
    await Promise.all([migrate(one), migrate(two)]);
    await markOnce(one, 'count', '0');
    const add = (store: Database) =>
      store.exclusively('count', async (sql) => {
        const [row] = await sql.query(
          'SELECT CAST(value AS BIGINT) AS count FROM marks WHERE name = $1',
          ['count'],
        );
        const next = String((row === undefined ? 0 : numberOf(row, 'count')) + 1);
        await sql.query('UPDATE marks SET value = $1 WHERE name = $2', [next, 'count']);
      });
    await Promise.all(Array.from({ length: 200 }, (_, at) => add(at % 2 === 0 ? one : two)));
    assert.equal(await markOnce(two, 'count', '7'), '200');
  });
}

test('a connection that breaks between two statements fails its transaction alone', async () => {
  const [store, other] = [await openPostgres(postgresUrl()), await openPostgres(postgresUrl())];
  const work = store.transaction(async (sql) => {
    const [row] = await sql.query('SELECT pg_backend_pid() AS pid');
    await other.query('SELECT pg_terminate_backend($1, 10000)', [row?.pid ?? null]);
    await setTimeout(50);
    await sql.query('SELECT 1');
  });
  await assert.rejects(work, (error) => error instanceof StoreError && error.isAway);
  assert.deepEqual(await store.query('SELECT 1 AS one'), [{ one: 1 }]);
  for (const each of [store, other]) await each[Symbol.asyncDispose]();
});

test('the embedded store is a file of its owner alone, with its log and index', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-store-'));
  const umask = process.umask(0);
  try {
    const address = storeAddress('', folder);
    assert.ok(address);
    await using store = await openStore(address);
    await insertTenant(store, ALICE);
    for (const name of ['store.db', 'store.db-wal', 'store.db-shm']) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    }
  } finally {
    process.umask(umask);
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a file that is no database, a server that is away and another URL are named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-store-'));
  writeFileSync(join(folder, 'store.db'), 'this is text, and long enough for a header'.repeat(50));
  const file = { kind: 'sqlite', file: join(folder, 'store.db') } as const;
  await assert.rejects(openStore(file), (error) => {
    return error instanceof StoreError && error.message.includes(file.file);
  });
  rmSync(folder, { recursive: true });
  const away = storeAddress('postgres://127.0.0.1:1/x', folder);
  assert.ok(away);
  await assert.rejects(openStore(away), /StoreError: Postgres does not answer/);
  assert.equal(storeAddress('mysql://x', folder), undefined);
});
