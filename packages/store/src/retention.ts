import { type Sql, textOf } from './sql.js';

/** Tenants that executions are kept of. A look for each: no list of all executions is read. */
export async function* tenantsKept(sql: Sql): AsyncGenerator<string> {
  let last = '';
  for (;;) {
    const [row] = await sql.query(
      'SELECT tenant FROM executions WHERE tenant > $1 ORDER BY tenant LIMIT 1',
      [last],
    );
    if (row === undefined) return;
    last = textOf(row, 'tenant');
    yield last;
  }
}

/** So many at a time: what waits for the store meanwhile is not kept waiting. */
const AT_ONCE = 500;
const BARED_AT_ONCE = 20;

/** Forgets a tenant's executions that ended then or before. @returns how many */
export async function forgetEnded(sql: Sql, tenant: string, until: number): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const rows = await sql.query(
      `DELETE FROM executions WHERE id IN (
         SELECT id FROM executions WHERE tenant = $1 AND ended_at <= $2 LIMIT $3) RETURNING id`,
      [tenant, until, AT_ONCE],
    );
    forgotten += rows.length;
    if (rows.length < AT_ONCE) return forgotten;
  }
}

/**
 * Takes the output out of records of executions that ended then or before.
 * @param bare a record without what it has of output
 * @returns of how many
 */
export async function bareEnded(
  sql: Sql,
  tenant: string,
  until: number,
  bare: (record: string) => Promise<string>,
): Promise<number> {
  let bared = 0;
  for (;;) {
    const rows = await sql.query(
      `SELECT id, record FROM executions
       WHERE tenant = $1 AND ended_at <= $2 AND bare = 0 LIMIT $3`,
      [tenant, until, BARED_AT_ONCE],
    );
    for (const row of rows) {
      const record = await bare(textOf(row, 'record'));
      await sql.query('UPDATE executions SET record = $2, bytes = $3, bare = 1 WHERE id = $1', [
        ...[textOf(row, 'id'), record, Buffer.byteLength(record)],
      ]);
    }
    bared += rows.length;
    if (rows.length < BARED_AT_ONCE) return bared;
  }
}

/** What was deleted of a tenant. */
export interface Erased {
  readonly executions: number;
  readonly webhooks: number;
  readonly keys: number;
}

/**
 * Deletes all that is kept of a tenant but its id, which is never free again. An execution of it
 * that is still going on leaves nothing either: its end finds no row.
 */
export async function eraseTenant(sql: Sql, tenant: string): Promise<Erased> {
  const executions = await count(sql, 'DELETE FROM executions WHERE tenant = $1', tenant);
  await count(sql, 'DELETE FROM webhook_deliveries WHERE tenant = $1', tenant);
  await count(sql, 'DELETE FROM idempotency WHERE tenant = $1', tenant);
  await count(sql, 'DELETE FROM reservations WHERE tenant = $1', tenant);
  await count(sql, 'DELETE FROM usage_windows WHERE tenant = $1', tenant);
  const webhooks = await count(sql, 'DELETE FROM webhooks WHERE tenant = $1', tenant);
  const keys = await count(sql, 'DELETE FROM keys WHERE tenant = $1', tenant);
  await sql.query("UPDATE tenants SET name = '' WHERE id = $1", [tenant]);
  return { executions, webhooks, keys };
}

async function count(sql: Sql, text: string, tenant: string): Promise<number> {
  return (await sql.query(`${text} RETURNING 1 AS one`, [tenant])).length;
}
