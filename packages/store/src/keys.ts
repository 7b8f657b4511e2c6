import { numberOf, numberOrNull, type Row, type Sql, textOf } from './sql.js';

/** A key as it is kept: never itself, only its keyed hash. */
export interface KeyRow {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  /** Keyed hash, hex. */
  readonly hash: string;
  /** Its first characters, for people to know it again. */
  readonly hint: string;
  readonly scopes: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

/** What authentication needs, in one look. */
export interface KeyOwner {
  readonly key: KeyRow;
  readonly tenantRevokedAt: number | null;
}

const NAMES = [
  ...['id', 'tenant', 'name', 'hash', 'hint', 'scopes'],
  ...['created_at', 'expires_at', 'last_used_at', 'revoked_at'],
];
const COLUMNS = NAMES.join(', ');

export async function insertKey(sql: Sql, key: KeyRow): Promise<void> {
  await sql.query(
    `INSERT INTO keys (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[key.id, key.tenant, key.name, key.hash, key.hint, key.scopes],
      ...[key.createdAt, key.expiresAt, key.lastUsedAt, key.revokedAt],
    ],
  );
}

export async function findKeyByHash(sql: Sql, hash: string): Promise<KeyOwner | undefined> {
  const rows = await sql.query(
    `SELECT ${NAMES.map((name) => `k.${name} AS ${name}`).join(', ')},
       t.revoked_at AS tenant_revoked_at
     FROM keys k JOIN tenants t ON t.id = k.tenant WHERE k.hash = $1`,
    [hash],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return { key: keyOf(row), tenantRevokedAt: numberOrNull(row, 'tenant_revoked_at') };
}

export async function findKey(sql: Sql, id: string): Promise<KeyRow | undefined> {
  return (await sql.query(`SELECT ${COLUMNS} FROM keys WHERE id = $1`, [id])).map(keyOf)[0];
}

export async function listKeys(sql: Sql, tenant: string | undefined): Promise<readonly KeyRow[]> {
  const order = 'ORDER BY tenant, created_at, id';
  const rows =
    tenant === undefined
      ? await sql.query(`SELECT ${COLUMNS} FROM keys ${order}`)
      : await sql.query(`SELECT ${COLUMNS} FROM keys WHERE tenant = $1 ${order}`, [tenant]);
  return rows.map(keyOf);
}

/** @returns the key as it is then; undefined where there is none. A second time changes nothing. */
export async function revokeKey(sql: Sql, id: string, at: number): Promise<KeyRow | undefined> {
  const rows = await sql.query(
    `UPDATE keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, at],
  );
  return rows.map(keyOf)[0];
}

/** Brings an end nearer, never further away. */
export async function expireKey(sql: Sql, id: string, at: number): Promise<void> {
  await sql.query(
    'UPDATE keys SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)',
    [id, at],
  );
}

export async function touchKey(sql: Sql, id: string, at: number): Promise<void> {
  await sql.query('UPDATE keys SET last_used_at = $2 WHERE id = $1', [id, at]);
}

/** Keys that would be let in at that time. */
export async function countLivingKeys(sql: Sql, at: number): Promise<number> {
  const rows = await sql.query(
    `SELECT COUNT(*) AS count FROM keys k JOIN tenants t ON t.id = k.tenant
     WHERE k.revoked_at IS NULL AND t.revoked_at IS NULL
       AND (k.expires_at IS NULL OR k.expires_at > $1)`,
    [at],
  );
  return rows[0] === undefined ? 0 : numberOf(rows[0], 'count');
}

function keyOf(row: Row): KeyRow {
  return {
    id: textOf(row, 'id'),
    tenant: textOf(row, 'tenant'),
    name: textOf(row, 'name'),
    hash: textOf(row, 'hash'),
    hint: textOf(row, 'hint'),
    scopes: textOf(row, 'scopes'),
    createdAt: numberOf(row, 'created_at'),
    expiresAt: numberOrNull(row, 'expires_at'),
    lastUsedAt: numberOrNull(row, 'last_used_at'),
    revokedAt: numberOrNull(row, 'revoked_at'),
  };
}
