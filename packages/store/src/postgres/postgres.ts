import type { PoolClient } from 'pg';
import { awayError, type Database, type Row, type Sql, StoreError, type Value } from '../sql.js';
import { isAway } from './away.js';

/** One server's; a request holds one for a millisecond. */
const CONNECTIONS_MAX = 10;
const CONNECT_MS_MAX = 5000;
const STATEMENT_MS_MAX = 10_000;
/** A server that has stalled ends no statement itself. */
const ANSWER_MS_MAX = 15_000;
/** Type of BIGINT in pg_type, which the library gives as text unless told. */
const INT8 = 20;

/** A database server of the owner's; the library is loaded here and not before. */
export async function openPostgres(url: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    keepAlive: true,
    types: {
      getTypeParser: (id: number, format?: 'text' | 'binary') =>
        id === INT8 ? Number : pg.types.getTypeParser(id, format),
    },
  });
  // A connection that breaks while it is idle is replaced; who needs one next is told if it can't.
  pool.on('error', () => undefined);
  // Of one that breaks while it is held, between two statements, the next statement tells; told by
  // an event that nobody hears, it would end the whole server.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const over = (client: Pick<PoolClient, 'query'>): Sql => ({
    query: async (text, parameters = []) =>
      (await client.query<Record<string, Value>>(text, [...parameters])).rows satisfies Row[],
  });
  const transact = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken = true;
    try {
      await client.query('BEGIN');
      const value = await work(over(client));
      await client.query('COMMIT');
      broken = false;
      return value;
    } catch (error) {
      broken = await client.query('ROLLBACK').then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(broken);
    }
  };
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw awayError(error, isAway);
    }
  };
  const transaction = <T>(work: (sql: Sql) => Promise<T>) => told(() => transact(work));
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    await pool.end();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError(`Postgres does not answer: ${reason}`, { cause: error, isAway: true });
  }
  return {
    kind: 'postgres',
    query: (text, parameters) => told(() => over(pool).query(text, parameters)),
    transaction,
    exclusively: (name, work) =>
      transaction(async (sql) => {
        await sql.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`gozolite ${name}`]);
        return work(sql);
      }),
    versionOf: () => undefined,
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
