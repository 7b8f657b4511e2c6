import type { PoolClient } from 'pg';
import { type Database, type Row, type Sql, StoreError, type Value } from '../sql.js';

/** One server's; a request holds one for a millisecond. */
const CONNECTIONS_MAX = 10;
const CONNECT_MS_MAX = 5000;
const STATEMENT_MS_MAX = 10_000;
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
    types: {
      getTypeParser: (id: number, format?: 'text' | 'binary') =>
        id === INT8 ? Number : pg.types.getTypeParser(id, format),
    },
  });
  // A connection that breaks while it is idle is replaced; who needs one next is told if it can't.
  pool.on('error', () => undefined);
  const over = (client: Pick<PoolClient, 'query'>): Sql => ({
    query: async (text, parameters = []) =>
      (await client.query<Record<string, Value>>(text, [...parameters])).rows satisfies Row[],
  });
  const transaction = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
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
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    await pool.end();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError(`Postgres does not answer: ${reason}`, { cause: error });
  }
  return {
    kind: 'postgres',
    query: (text, parameters) => over(pool).query(text, parameters),
    transaction,
    exclusively: (name, work) =>
      transaction(async (sql) => {
        await sql.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`gozolite ${name}`]);
        return work(sql);
      }),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
