import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { awayError, type Database, type Row, type Sql, StoreError, type Value } from '../sql.js';
import { isBusy } from './busy.js';
import { openTold, type Told, toldFileOf } from './told.js';

/**
 * Another process (the CLI, mostly) may write at the same time. SQLite's own wait would hold the
 * event loop: we look again ourselves, with others' requests in between.
 */
const BUSY_MS_MAX = 5000;
const BUSY_STEP_MS = 2;
/** Statements are few and written in this package; the bound is for a mistake of ours. */
const STATEMENTS_MAX = 256;
/** Whose rows are remembered beside the database: who writes them tells the others. */
const REMEMBERED = new Set(['keys', 'tenants']);
/** Who did not tell (killed at that moment, or another program) is found out by then. */
const UNTOLD_MS_MAX = 1000;

const PRAGMAS = [
  'PRAGMA journal_mode = WAL',
  // In WAL mode a killed process loses nothing, and a power cut at most the last moments.
  'PRAGMA synchronous = NORMAL',
  'PRAGMA foreign_keys = ON',
];

/**
 * The embedded database, a file that only its owner may read. The library is loaded here and not
 * before: a server without a store never has it in memory.
 */
export async function openSqlite(file: string): Promise<Database> {
  const { default: Native } = await import('libsql');
  try {
    makePrivate(file);
    const connection = new Native(file);
    for (const pragma of PRAGMAS) await untilFree(() => connection.prepare(pragma).all());
    return databaseOver(connection, openTold(toldFileOf(file)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const what = existsSync(file) ? "can't be used as a store" : "can't be made";
    throw new StoreError(`${file} ${what}: ${reason}`, { cause: error });
  }
}

/** SQLite gives its -wal and -shm the mode of the file. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600); // One that somebody has copied here, or an umask of 0777.
}

/** The part of the library that is used, as its type does not tell it. */
interface Connection {
  prepare(text: string): { all(parameters?: readonly Value[]): unknown[] };
  exec(text: string): unknown;
  close(): unknown;
}

function databaseOver(connection: Connection, told: Told): Database {
  const statements = new Map<string, Statement>();
  const writes = createWrites();
  const versions = createVersions(told, () => run('PRAGMA data_version')[0]?.data_version);
  const tellOthers = (): void => {
    if (writes.areToTell()) told.tell();
  };
  const run = (text: string, parameters: readonly Value[] = []): readonly Row[] => {
    const known = statements.get(text);
    if (statements.size > STATEMENTS_MAX) statements.clear();
    const statement = known ?? {
      ...{ prepared: connection.prepare(text.replace(/\$(\d+)/g, '?$1')) },
      table: WRITTEN.exec(text)?.[1],
    };
    if (known === undefined) statements.set(text, statement);
    if (statement.table !== undefined) writes.count(statement.table);
    return statement.prepared.all(parameters) as readonly Row[];
  };
  const inside: Sql = { query: async (text, parameters) => run(text, parameters) };
  let last: Promise<unknown> = Promise.resolve();
  /** There is one connection: what came while a transaction is open waits for its end. */
  const inTurn = <T>(work: () => Promise<T> | T): Promise<T> => {
    const mine = last.then(work).catch((error: unknown) => {
      throw awayError(error, isAway);
    });
    last = mine.catch(() => undefined);
    return mine;
  };
  const transaction = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    inTurn(async () => {
      await untilFree(() => connection.exec('BEGIN IMMEDIATE'));
      try {
        const value = await work(inside);
        connection.exec('COMMIT');
        tellOthers();
        return value;
      } catch (error) {
        rollBack(connection);
        throw error;
      }
    });
  return {
    kind: 'sqlite',
    query: (text, parameters) =>
      inTurn(async () => {
        const rows = await untilFree(() => run(text, parameters));
        tellOthers();
        return rows;
      }),
    transaction,
    exclusively: (_name, work) => transaction(work),
    versionOf: (tables) => {
      try {
        return `${versions.now()} ${writes.of(tables)}`;
      } catch {
        return undefined; // Whoever asks reads it then, and is told why it can't be read.
      }
    },
    [Symbol.asyncDispose]: () =>
      inTurn(() => {
        statements.clear();
        connection.close();
        told[Symbol.dispose]();
      }),
  };
}

interface Statement {
  readonly prepared: ReturnType<Connection['prepare']>;
  /** That it writes to. */
  readonly table: string | undefined;
}

const WRITTEN = /\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)/i;

/** `PRAGMA data_version` tells of other connections' writes; these are our own. */
function createWrites() {
  const counts = new Map<string, number>();
  let isUntold = false;
  return {
    count: (table: string): void => {
      counts.set(table, (counts.get(table) ?? 0) + 1);
      isUntold ||= REMEMBERED.has(table);
    },
    of: (tables: readonly string[]) => tables.map((table) => counts.get(table) ?? 0).join(' '),
    /** Once for all that was written before. */
    areToTell: (): boolean => {
      const was = isUntold;
      isUntold = false;
      return was;
    },
  };
}

/** The database is asked for its version only where somebody may have written. */
function createVersions(told: Told, ask: () => Value | undefined) {
  let last: { readonly version: Value | undefined; readonly length: number } | undefined;
  let askedMs = 0;
  return {
    now: (): Value | undefined => {
      const length = told.length();
      const nowMs = performance.now();
      if (length !== undefined && length === last?.length && nowMs - askedMs < UNTOLD_MS_MAX) {
        return last.version;
      }
      const version = ask();
      last = length === undefined ? undefined : { version, length };
      askedMs = nowMs;
      return version;
    },
  };
}

/** A full disk has ended the transaction by itself: what went wrong then is what counts. */
function rollBack(connection: Connection): void {
  try {
    connection.exec('ROLLBACK');
  } catch {
    // There is none any more.
  }
}

/** Does it again as long as another process has the file. */
async function untilFree<T>(work: () => T): Promise<T> {
  const deadlineMs = performance.now() + BUSY_MS_MAX;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadlineMs) throw error;
    }
    await setTimeout(BUSY_STEP_MS * (1 + Math.random()));
  }
}

/** A full disk, one that fails or is read-only now, or a file that another process keeps busy. */
function isAway(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  return /^SQLITE_(BUSY|FULL|IOERR|READONLY|CANTOPEN)/.test(code);
}
