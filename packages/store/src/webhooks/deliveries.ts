import { type Database, numberOf, numberOrNull, type Row, type Sql, textOf } from '../sql.js';

/**
 * What a webhook is to be told. It is written with the execution that it is of, `waiting`; from
 * its execution's end on it is `pending`, and due at `nextAt`. Who attempts it moves that time on
 * first: where the server dies under it, it is due again then.
 */
export interface DeliveryRow {
  readonly id: string;
  readonly tenant: string;
  readonly webhook: string;
  readonly execution: string;
  readonly state: string;
  readonly createdAt: number;
  readonly nextAt: number | null;
  /** Attempts since it became pending. */
  readonly tries: number;
  readonly endedAt: number | null;
  /** JSON: the last attempts. */
  readonly attempts: string;
}

const NAMES = [
  ...['id', 'tenant', 'webhook', 'execution', 'state', 'created_at', 'next_at', 'tries'],
  ...['ended_at', 'attempts'],
];
const COLUMNS = NAMES.join(', ');

/** One that is to be told of an execution. */
export interface NewDelivery {
  readonly id: string;
  readonly tenant: string;
  readonly webhook: string;
  readonly execution: string;
  readonly createdAt: number;
}

export async function insertDelivery(sql: Sql, delivery: NewDelivery): Promise<void> {
  const { id, tenant, webhook, execution, createdAt } = delivery;
  await sql.query(
    `INSERT INTO webhook_deliveries
       (id, tenant, webhook, execution, state, created_at, tries, attempts)
     VALUES ($1, $2, $3, $4, 'waiting', $5, 0, '[]')`,
    [id, tenant, webhook, execution, createdAt],
  );
}

/** Of this execution, which has ended. */
export async function armDelivery(sql: Sql, execution: string, now: number): Promise<void> {
  await sql.query(
    `UPDATE webhook_deliveries SET state = 'pending', next_at = $2
     WHERE execution = $1 AND state = 'waiting'`,
    [execution, now],
  );
}

/** Of all executions that have ended, or are kept no longer. */
export async function armDeliveries(sql: Sql, now: number): Promise<void> {
  await sql.query(
    `UPDATE webhook_deliveries SET state = 'pending', next_at = $1
     WHERE state = 'waiting' AND NOT EXISTS (
       SELECT 1 FROM executions
       WHERE executions.id = webhook_deliveries.execution AND executions.ended_at IS NULL)`,
    [now],
  );
}

/** What this server was about when it died is due at once. */
export async function releaseDeliveries(sql: Sql, server: string, now: number): Promise<void> {
  await sql.query(
    `UPDATE webhook_deliveries SET next_at = $2, server = NULL
     WHERE state = 'pending' AND server = $1 AND next_at > $2`,
    [server, now],
  );
}

/** Tenants that something is due for. */
export async function tenantsDue(sql: Sql, now: number, limit: number): Promise<readonly string[]> {
  const rows = await sql.query(
    `SELECT tenant, MIN(next_at) AS first FROM webhook_deliveries
     WHERE state = 'pending' AND next_at <= $1 GROUP BY tenant ORDER BY first LIMIT $2`,
    [now, limit],
  );
  return rows.map((row) => textOf(row, 'tenant'));
}

/** Who takes what, and until when nobody else may. */
export interface Lease {
  readonly tenant: string;
  readonly server: string;
  readonly now: number;
  readonly until: number;
  readonly limit: number;
}

/** Takes what is due: of two servers one has it. */
export async function takeDeliveries(
  sql: Sql,
  { tenant, server, now, until, limit }: Lease,
): Promise<readonly DeliveryRow[]> {
  const rows = await sql.query(
    `UPDATE webhook_deliveries SET next_at = $4, server = $3
     WHERE state = 'pending' AND next_at <= $2 AND id IN (
       SELECT id FROM webhook_deliveries
       WHERE tenant = $1 AND state = 'pending' AND next_at <= $2
       ORDER BY next_at LIMIT $5)
     RETURNING ${COLUMNS}`,
    [tenant, now, server, until, limit],
  );
  return rows.map(deliveryOf);
}

/** What an attempt comes to. @returns false where somebody else has it by now */
export async function settleDelivery(
  sql: Sql,
  { id, nextAt: until }: Pick<DeliveryRow, 'id' | 'nextAt'>,
  to: Pick<DeliveryRow, 'state' | 'nextAt' | 'tries' | 'endedAt' | 'attempts'>,
): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE webhook_deliveries
     SET state = $3, next_at = $4, tries = $5, ended_at = $6, attempts = $7, server = NULL
     WHERE id = $1 AND state = 'pending' AND next_at = $2 RETURNING id`,
    [id, until, to.state, to.nextAt, to.tries, to.endedAt, to.attempts],
  );
  return rows.length > 0;
}

export async function findDelivery(
  sql: Sql,
  tenant: string,
  id: string,
): Promise<DeliveryRow | undefined> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE tenant = $1 AND id = $2`,
    [tenant, id],
  );
  return rows.map(deliveryOf)[0];
}

/** Once more from the first attempt on, now. One that waits for an end goes on waiting. */
export async function redeliver(
  sql: Sql,
  tenant: string,
  id: string,
  now: number,
): Promise<DeliveryRow | undefined> {
  const rows = await sql.query(
    `UPDATE webhook_deliveries
     SET state = 'pending', next_at = $3, tries = 0, ended_at = NULL, server = NULL
     WHERE tenant = $1 AND id = $2 AND state <> 'waiting' RETURNING ${COLUMNS}`,
    [tenant, id, now],
  );
  return rows.map(deliveryOf)[0] ?? findDelivery(sql, tenant, id);
}

/** How a page of the list is chosen; '' is all of them. */
export interface DeliverySelection {
  readonly webhook: string;
  readonly execution: string;
  readonly state: string;
  /** The last id of the page before. */
  readonly before: string;
  readonly limit: number;
}

/** Newest first. */
export async function listDeliveries(
  sql: Sql,
  tenant: string,
  { webhook, execution, state, before, limit }: DeliverySelection,
): Promise<readonly DeliveryRow[]> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE tenant = $1
       AND ($2 = '' OR webhook = $2) AND ($3 = '' OR execution = $3)
       AND ($4 = '' OR state = $4) AND ($5 = '' OR id < $5)
     ORDER BY id DESC LIMIT $6`,
    [tenant, webhook, execution, state, before, limit],
  );
  return rows.map(deliveryOf);
}

/** Of all tenants: what has been tried or could be, and is neither delivered nor given up. */
export async function countPending(sql: Sql): Promise<number> {
  const [row] = await sql.query(
    `SELECT COUNT(*) AS count FROM webhook_deliveries WHERE state = 'pending'`,
  );
  return row === undefined ? 0 : numberOf(row, 'count');
}

/** Forgets what ended before, and of each tenant what is older than its newest so many. */
export async function forgetDeliveries(
  store: Database,
  before: number,
  ofTenant: number,
): Promise<void> {
  await store.query('DELETE FROM webhook_deliveries WHERE ended_at < $1', [before]);
  const tenants = await store.query(
    'SELECT tenant FROM webhook_deliveries GROUP BY tenant HAVING COUNT(*) > $1',
    [ofTenant],
  );
  for (const row of tenants) {
    const tenant = textOf(row, 'tenant');
    const [oldest] = await store.query(
      `SELECT id FROM webhook_deliveries WHERE tenant = $1 ORDER BY id DESC LIMIT 1 OFFSET $2`,
      [tenant, ofTenant],
    );
    if (oldest === undefined) continue;
    await store.query(
      `DELETE FROM webhook_deliveries WHERE tenant = $1 AND id <= $2 AND state <> 'waiting'`,
      [tenant, textOf(oldest, 'id')],
    );
  }
}

function deliveryOf(row: Row): DeliveryRow {
  return {
    id: textOf(row, 'id'),
    tenant: textOf(row, 'tenant'),
    webhook: textOf(row, 'webhook'),
    execution: textOf(row, 'execution'),
    state: textOf(row, 'state'),
    createdAt: numberOf(row, 'created_at'),
    nextAt: numberOrNull(row, 'next_at'),
    tries: numberOf(row, 'tries'),
    endedAt: numberOrNull(row, 'ended_at'),
    attempts: textOf(row, 'attempts'),
  };
}
