import { numberOf, numberOrNull, type Row, type Sql, textOf } from '../sql.js';

/** Where a tenant's events go. Secrets are sealed: this package can't read them. */
export interface WebhookRow {
  readonly id: string;
  readonly tenant: string;
  readonly url: string;
  /** 'record' or 'id'. */
  readonly payload: string;
  readonly description: string;
  readonly secret: string;
  readonly oldSecret: string | null;
  readonly oldSecretUntil: number | null;
  readonly createdAt: number;
  readonly failingSince: number | null;
  readonly disabledAt: number | null;
  readonly disabledWhy: string | null;
}

const NAMES = [
  ...['id', 'tenant', 'url', 'payload', 'description', 'secret', 'old_secret'],
  ...['old_secret_until', 'created_at', 'failing_since', 'disabled_at', 'disabled_why'],
];
const COLUMNS = NAMES.join(', ');

/** @returns false where the tenant has one of that URL already */
export async function insertWebhook(sql: Sql, row: WebhookRow): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO webhooks (${COLUMNS})
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT (tenant, url) DO NOTHING RETURNING id`,
    [
      ...[row.id, row.tenant, row.url, row.payload, row.description, row.secret, row.oldSecret],
      ...[row.oldSecretUntil, row.createdAt, row.failingSince, row.disabledAt, row.disabledWhy],
    ],
  );
  return rows.length > 0;
}

/** By id or by URL, of this tenant alone. */
export async function findWebhook(
  sql: Sql,
  tenant: string,
  name: string,
): Promise<WebhookRow | undefined> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM webhooks WHERE tenant = $1 AND (id = $2 OR url = $2)`,
    [tenant, name],
  );
  return rows.map(webhookOf)[0];
}

/** Oldest first. */
export async function listWebhooks(sql: Sql, tenant: string): Promise<readonly WebhookRow[]> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM webhooks WHERE tenant = $1 ORDER BY created_at, id`,
    [tenant],
  );
  return rows.map(webhookOf);
}

/** Its deliveries go with it. @returns it as it was */
export async function deleteWebhook(
  sql: Sql,
  tenant: string,
  id: string,
): Promise<WebhookRow | undefined> {
  const rows = await sql.query(
    `DELETE FROM webhooks WHERE tenant = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenant, id],
  );
  if (rows.length > 0) await sql.query('DELETE FROM webhook_deliveries WHERE webhook = $1', [id]);
  return rows.map(webhookOf)[0];
}

/** Another secret in the place of this one, which signs beside it for a while. */
export async function rotateWebhook(
  sql: Sql,
  { tenant, id }: Pick<WebhookRow, 'tenant' | 'id'>,
  secret: string,
  oldUntil: number,
): Promise<WebhookRow | undefined> {
  const rows = await sql.query(
    `UPDATE webhooks SET old_secret = secret, old_secret_until = $3, secret = $4
     WHERE tenant = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenant, id, oldUntil, secret],
  );
  return rows.map(webhookOf)[0];
}

export async function enableWebhook(
  sql: Sql,
  tenant: string,
  id: string,
): Promise<WebhookRow | undefined> {
  const rows = await sql.query(
    `UPDATE webhooks SET failing_since = NULL, disabled_at = NULL, disabled_why = NULL
     WHERE tenant = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenant, id],
  );
  return rows.map(webhookOf)[0];
}

/** Something got through. */
export async function webhookWell(sql: Sql, id: string): Promise<void> {
  await sql.query(
    'UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL',
    [id],
  );
}

/**
 * Something did not get through; it is disabled where none did since `failingBefore`.
 * @returns whether it is disabled by this
 */
export async function webhookFailed(
  sql: Sql,
  id: string,
  at: number,
  failingBefore: number,
): Promise<boolean> {
  await sql.query('UPDATE webhooks SET failing_since = COALESCE(failing_since, $2) WHERE id = $1', [
    id,
    at,
  ]);
  const rows = await sql.query(
    `UPDATE webhooks SET disabled_at = $2, disabled_why = 'failing'
     WHERE id = $1 AND disabled_at IS NULL AND failing_since < $3 RETURNING id`,
    [id, at, failingBefore],
  );
  return rows.length > 0;
}

/** It said that it is not there any more. */
export async function webhookGone(sql: Sql, id: string, at: number): Promise<void> {
  await sql.query(
    `UPDATE webhooks SET disabled_at = $2, disabled_why = 'gone'
     WHERE id = $1 AND disabled_at IS NULL`,
    [id, at],
  );
}

function webhookOf(row: Row): WebhookRow {
  return {
    id: textOf(row, 'id'),
    tenant: textOf(row, 'tenant'),
    url: textOf(row, 'url'),
    payload: textOf(row, 'payload'),
    description: textOf(row, 'description'),
    secret: textOf(row, 'secret'),
    oldSecret: row.old_secret === null ? null : textOf(row, 'old_secret'),
    oldSecretUntil: numberOrNull(row, 'old_secret_until'),
    createdAt: numberOf(row, 'created_at'),
    failingSince: numberOrNull(row, 'failing_since'),
    disabledAt: numberOrNull(row, 'disabled_at'),
    disabledWhy: row.disabled_why === null ? null : textOf(row, 'disabled_why'),
  };
}
