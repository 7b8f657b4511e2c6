import { numberOf, numberOrNull, type Row, type Sql, textOf } from './sql.js';

export interface TenantRow {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

const COLUMNS = 'id, name, created_at, revoked_at';

/** @returns false where there is one of that id already, revoked or not */
export async function insertTenant(sql: Sql, tenant: TenantRow): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO tenants (${COLUMNS}) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [tenant.id, tenant.name, tenant.createdAt, tenant.revokedAt],
  );
  return rows.length > 0;
}

export async function findTenant(sql: Sql, id: string): Promise<TenantRow | undefined> {
  const rows = await sql.query(`SELECT ${COLUMNS} FROM tenants WHERE id = $1`, [id]);
  return rows.map(tenantOf)[0];
}

export async function listTenants(sql: Sql): Promise<readonly TenantRow[]> {
  return (await sql.query(`SELECT ${COLUMNS} FROM tenants ORDER BY id`)).map(tenantOf);
}

/** @returns the tenant as it is then, or undefined. A second time changes nothing. */
export async function revokeTenant(
  sql: Sql,
  id: string,
  at: number,
): Promise<TenantRow | undefined> {
  const rows = await sql.query(
    `UPDATE tenants SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, at],
  );
  return rows.map(tenantOf)[0];
}

function tenantOf(row: Row): TenantRow {
  return {
    id: textOf(row, 'id'),
    name: textOf(row, 'name'),
    createdAt: numberOf(row, 'created_at'),
    revokedAt: numberOrNull(row, 'revoked_at'),
  };
}
