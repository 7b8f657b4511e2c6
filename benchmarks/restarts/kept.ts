import { openStore } from '@gozolite/store/open';
import { type Database, numberOf, numberOrNull, textOf } from '@gozolite/store/sql';
import type { End } from './ledger.js';

/** An execution as the store has it. */
export interface Row extends End {
  readonly id: string;
  readonly tenant: string;
  readonly hasEnded: boolean;
  /** What its record says of a failure of ours. */
  readonly message: string;
}

/** What a killed server left: executions without an end, and what was set aside. */
export interface Left {
  readonly open: readonly string[];
  /** By their execution, the tenant. */
  readonly reserved: ReadonlyMap<string, string>;
}

/** What the store has in the end. */
export interface Kept {
  readonly rows: ReadonlyMap<string, Row>;
  /** Executions of each tenant, of all hours. */
  readonly used: ReadonlyMap<string, number>;
  readonly reservations: number;
  /** Of each execution whose webhook is to be told, how that stands. */
  readonly deliveries: ReadonlyMap<string, string>;
  /** The execution ids in the answer of each key, by tenant and name. */
  readonly keys: number;
}

/** Reads a store beside whoever has it. */
export async function readingStore<T>(
  env: Readonly<Record<string, string>>,
  read: (store: Database) => Promise<T>,
): Promise<T> {
  const { GOZO_STORE: url, GOZO_DATA: folder = '' } = env;
  await using store = await openStore(
    url === undefined ? { kind: 'sqlite', file: `${folder}/store.db` } : { kind: 'postgres', url },
  );
  return await read(store);
}

export async function readLeft(store: Database): Promise<Left> {
  const open = await store.query('SELECT id FROM executions WHERE ended_at IS NULL');
  const reserved = await store.query('SELECT execution, tenant FROM reservations');
  return {
    open: open.map((row) => textOf(row, 'id')),
    reserved: new Map(reserved.map((row) => [textOf(row, 'execution'), textOf(row, 'tenant')])),
  };
}

export async function readKept(store: Database): Promise<Kept> {
  const rows = await store.query('SELECT id, tenant, status, ended_at, record FROM executions');
  const used = await store.query(
    `SELECT tenant, CAST(SUM(executions) AS BIGINT) AS used FROM usage_windows
     WHERE span = 'hour' GROUP BY tenant`,
  );
  const [held] = await store.query('SELECT COUNT(*) AS count FROM reservations');
  const [keys] = await store.query('SELECT COUNT(*) AS count FROM idempotency');
  const deliveries = await store.query('SELECT execution, state FROM webhook_deliveries');
  return {
    rows: new Map(
      rows.map((row) => {
        const record: { error?: string; message?: string } = JSON.parse(textOf(row, 'record'));
        const { error, message = '' } = record;
        const hasEnded = numberOrNull(row, 'ended_at') !== null;
        const [id, tenant] = [textOf(row, 'id'), textOf(row, 'tenant')];
        // What was written is a status: nothing else is.
        const status = textOf(row, 'status') as End['status'];
        return [id, { id, tenant, hasEnded, status, error, message }];
      }),
    ),
    used: new Map(used.map((row) => [textOf(row, 'tenant'), numberOf(row, 'used')])),
    reservations: held === undefined ? -1 : numberOf(held, 'count'),
    keys: keys === undefined ? -1 : numberOf(keys, 'count'),
    deliveries: new Map(deliveries.map((row) => [textOf(row, 'execution'), textOf(row, 'state')])),
  };
}
