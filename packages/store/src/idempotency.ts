import { numberOf, type Sql, textOf } from './sql.js';

/** A request that is to be answered once, however often it is sent. */
export interface Claim {
  readonly tenant: string;
  /** The caller's own. */
  readonly name: string;
  /** Of what is asked for. */
  readonly digest: string;
  /** What is answered. */
  readonly answer: string;
  readonly at: number;
  /** Earlier ones are forgotten. */
  readonly since: number;
}

/** What a key stands for. */
export type Claimed = Pick<Claim, 'digest' | 'answer'>;

/** Takes the key. @returns what it stands for already, where it does */
export async function claim(sql: Sql, key: Claim): Promise<Claimed | undefined> {
  const { tenant, name, digest, answer, at, since } = key;
  await sql.query('DELETE FROM idempotency WHERE tenant = $1 AND name = $2 AND created_at < $3', [
    ...[tenant, name, since],
  ]);
  const rows = await sql.query(
    `INSERT INTO idempotency (tenant, name, digest, answer, created_at)
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, name) DO NOTHING RETURNING name`,
    [tenant, name, digest, answer, at],
  );
  return rows.length > 0 ? undefined : findClaim(sql, key);
}

export async function findClaim(
  sql: Sql,
  { tenant, name, since }: Pick<Claim, 'tenant' | 'name' | 'since'>,
): Promise<Claimed | undefined> {
  const rows = await sql.query(
    `SELECT digest, answer FROM idempotency
     WHERE tenant = $1 AND name = $2 AND created_at >= $3`,
    [tenant, name, since],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return { digest: textOf(row, 'digest'), answer: textOf(row, 'answer') };
}

/** How many a tenant has, and when the oldest of them was taken (0: there are none). */
export async function countClaims(
  sql: Sql,
  tenant: string,
  since: number,
): Promise<{ readonly count: number; readonly oldest: number }> {
  const [row] = await sql.query(
    `SELECT COUNT(*) AS count, COALESCE(MIN(created_at), 0) AS oldest FROM idempotency
     WHERE tenant = $1 AND created_at >= $2`,
    [tenant, since],
  );
  if (row === undefined) throw new Error('a count has one row');
  return { count: numberOf(row, 'count'), oldest: numberOf(row, 'oldest') };
}

/** Of a key that was taken before there was an answer (''): what it stands for from now on. */
export async function answerClaim(
  sql: Sql,
  { tenant, name, answer }: Pick<Claim, 'tenant' | 'name' | 'answer'>,
): Promise<void> {
  await sql.query('UPDATE idempotency SET answer = $3 WHERE tenant = $1 AND name = $2', [
    ...[tenant, name, answer],
  ]);
}

/** Gives a key back under which nothing was done. */
export async function freeClaim(
  sql: Sql,
  { tenant, name }: Pick<Claim, 'tenant' | 'name'>,
): Promise<void> {
  await sql.query("DELETE FROM idempotency WHERE tenant = $1 AND name = $2 AND answer = ''", [
    ...[tenant, name],
  ]);
}

export async function forgetClaims(sql: Sql, before: number): Promise<void> {
  await sql.query('DELETE FROM idempotency WHERE created_at < $1', [before]);
}
