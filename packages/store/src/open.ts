import { join } from 'node:path';
import { migrate } from './migrations/migrate.js';
import { openPostgres } from './postgres/postgres.js';
import { type Database, StoreError } from './sql.js';
import { openSqlite } from './sqlite/sqlite.js';

/** Where the store is: a file of ours unless a URL names a Postgres. */
export type StoreAddress =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string };

/** @param url of a Postgres; '' is the file `store.db` of the server's own folder */
export function storeAddress(url: string, dataFolder: string): StoreAddress | undefined {
  if (url === '') return { kind: 'sqlite', file: join(dataFolder, 'store.db') };
  return /^postgres(ql)?:\/\//.test(url) ? { kind: 'postgres', url } : undefined;
}

/** Loads the library now: who gives up the right to read it afterwards still has it. */
export async function loadDriver({ kind }: StoreAddress): Promise<void> {
  if (kind === 'sqlite') await import('libsql');
  else await import('pg');
}

/** Opens the store and brings its schema up to date. @throws StoreError */
export async function openStore(address: StoreAddress): Promise<Database> {
  const database =
    address.kind === 'sqlite' ? await openSqlite(address.file) : await openPostgres(address.url);
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    if (error instanceof StoreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError(`the store can't be brought up to date: ${reason}`, { cause: error });
  }
}
