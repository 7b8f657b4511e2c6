import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@gozolite/store/migrations/migrate';
import { openPostgres } from '@gozolite/store/postgres/postgres';
import type { Database } from '@gozolite/store/sql';
import { openSqlite } from '@gozolite/store/sqlite/sqlite';
import { test } from 'vitest';

/** A place for a store of a test's own, empty. */
export interface Place extends AsyncDisposable {
  /** As often as it is called: each is a connection of its own, as another process has it. */
  open(): Promise<Database>;
}

/** The same tests run on both. */
export const KINDS = [
  { kind: 'sqlite', place: sqlitePlace },
  { kind: 'postgres', place: postgresPlace },
] as const;

async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-store-'));
  const opened: Database[] = [];
  return {
    open: async () => {
      const database = await openSqlite(join(folder, 'store.db'));
      opened.push(database);
      return database;
    },
    [Symbol.asyncDispose]: async () => {
      for (const database of opened) await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type WithStore = (name: string, claim: (store: Database) => Promise<void>) => void;

/** A test of what holds of a store that was just made, whichever kind it is. */
export function withStoreAt(place: () => Promise<Place>): WithStore {
  return (name, claim) =>
    test(name, async () => {
      await using own = await place();
      const store = await own.open();
      await migrate(store);
      await claim(store);
    });
}

/** A schema of its own in the Postgres that `npm test` started. */
async function postgresPlace(): Promise<Place> {
  const url = postgresUrl();
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const admin = await openPostgres(url);
  await admin.query(`CREATE SCHEMA ${schema}`);
  const opened: Database[] = [];
  return {
    open: async () => {
      const own = new URL(url);
      own.searchParams.set('options', `-c search_path=${schema}`);
      const database = await openPostgres(own.href);
      opened.push(database);
      return database;
    },
    [Symbol.asyncDispose]: async () => {
      for (const database of opened) await database[Symbol.asyncDispose]();
      await admin.query(`DROP SCHEMA ${schema} CASCADE`);
      await admin[Symbol.asyncDispose]();
    },
  };
}

export function postgresUrl(): string {
  const url = process.env.GOZO_TEST_POSTGRES;
  assert.ok(url, 'GOZO_TEST_POSTGRES is not set: node scripts/test.mjs --only store');
  return url;
}
