import { type Claim, type Claimed, claim } from './idempotency.js';
import { type Database, numberOf, numberOrNull, type Row, type Sql, textOf } from './sql.js';
import { insertDelivery, type NewDelivery } from './webhooks/deliveries.js';

/**
 * An execution as it is kept. Until it has ended, `status` and `record` are what they are where the
 * server dies under it: to end it for a dead server is to set the time of its end.
 */
export interface ExecutionRow {
  readonly id: string;
  readonly tenant: string;
  /** Which server has it. */
  readonly server: string;
  readonly language: string;
  /** JSON; null: none. */
  readonly labels: string | null;
  readonly createdAt: number;
  /** A living server has ended it before; past it nobody has it any more. */
  readonly dueAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly status: string;
  /** Of the record as text. */
  readonly bytes: number;
}

const NAMES = [
  ...['id', 'tenant', 'server', 'language', 'labels', 'created_at', 'due_at'],
  ...['started_at', 'ended_at', 'status', 'bytes'],
];
const COLUMNS = NAMES.join(', ');

/**
 * Writes down what is accepted, all of it or nothing, with the key that it was sent under, and who
 * is to be told of the ends.
 * @returns what the key stands for already, where it does: then nothing was written
 */
export async function insertExecutions(
  store: Database,
  rows: readonly (ExecutionRow & { readonly record: string })[],
  key?: Claim,
  deliveries: readonly NewDelivery[] = [],
): Promise<Claimed | undefined> {
  return store.transaction(async (sql) => {
    const known = key === undefined ? undefined : await claim(sql, key);
    if (known !== undefined) return known;
    for (const row of rows) await insert(sql, row);
    for (const delivery of deliveries) await insertDelivery(sql, delivery);
    return undefined;
  });
}

async function insert(sql: Sql, row: ExecutionRow & { readonly record: string }): Promise<void> {
  await sql.query(
    `INSERT INTO executions (${COLUMNS}, record)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      ...[row.id, row.tenant, row.server, row.language, row.labels, row.createdAt, row.dueAt],
      ...[row.startedAt, row.endedAt, row.status, row.bytes, row.record],
    ],
  );
}

export async function startExecution(sql: Sql, id: string, at: number): Promise<void> {
  await sql.query('UPDATE executions SET started_at = $2 WHERE id = $1 AND ended_at IS NULL', [
    id,
    at,
  ]);
}

/** Where it has an end already, that one stays. @returns whether this is its end */
export async function endExecution(
  sql: Sql,
  id: string,
  end: {
    readonly startedAt: number | null;
    readonly at: number;
    readonly status: string;
    readonly record: string;
    /** It has no output in it. */
    readonly isBare?: boolean;
  },
): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE executions
     SET started_at = $2, ended_at = $3, status = $4, bytes = $5, record = $6, bare = $7
     WHERE id = $1 AND ended_at IS NULL RETURNING id`,
    [
      ...[id, end.startedAt, end.at, end.status, Buffer.byteLength(end.record), end.record],
      end.isBare === true ? 1 : 0,
    ],
  );
  return rows.length > 0;
}

/** Ends what this server had when it died, and what nobody has any more. @returns how many */
export async function interruptExecutions(sql: Sql, server: string, now: number): Promise<number> {
  const rows = await sql.query(
    `UPDATE executions SET ended_at = $2
     WHERE ended_at IS NULL AND (server = $1 OR due_at < $2) RETURNING id`,
    [server, now],
  );
  return rows.length;
}

/** Of this tenant; another's is as one that is not there. */
export async function findExecution(
  sql: Sql,
  tenant: string,
  id: string,
): Promise<(ExecutionRow & { readonly record: string }) | undefined> {
  const rows = await sql.query(
    `SELECT ${COLUMNS}, record FROM executions WHERE id = $1 AND tenant = $2`,
    [id, tenant],
  );
  return rows.map((row) => ({ ...executionOf(row), record: textOf(row, 'record') }))[0];
}

/** How a page of the list is chosen; '' is all of them. */
export interface Selection {
  readonly state: '' | 'queued' | 'running' | 'ended';
  readonly status: string;
  readonly language: string;
  /** The last id of the page before. */
  readonly before: string;
  readonly limit: number;
}

const STATE_TERMS = {
  '': '',
  queued: 'AND ended_at IS NULL AND started_at IS NULL',
  running: 'AND ended_at IS NULL AND started_at IS NOT NULL',
  ended: 'AND ended_at IS NOT NULL',
} as const;

/** Newest first, without records. */
export async function listExecutions(
  sql: Sql,
  tenant: string,
  { state, status, language, before, limit }: Selection,
): Promise<readonly ExecutionRow[]> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM executions WHERE tenant = $1 ${STATE_TERMS[state]}
       AND ($2 = '' OR (ended_at IS NOT NULL AND status = $2))
       AND ($3 = '' OR language = $3) AND ($4 = '' OR id < $4)
     ORDER BY id DESC LIMIT $5`,
    [tenant, status, language, before, limit],
  );
  return rows.map(executionOf);
}

/** What is kept of ended executions at most. */
export interface Keeping {
  /** Those that ended before are forgotten. */
  readonly before: number;
  readonly count: number;
  readonly bytes: number;
}

/** So many at a time: what waits for the store meanwhile is not kept waiting. */
const FORGOTTEN_AT_ONCE = 500;

/** Forgets the oldest ends beyond what is kept, and those of the same moment. @returns how many */
export async function forgetExecutions(sql: Sql, keeping: Keeping): Promise<number> {
  let forgotten = await forgetUntil(sql, keeping.before - 1);
  const [first] = await sql.query(
    `SELECT ended_at FROM executions WHERE ended_at IS NOT NULL
     ORDER BY ended_at DESC LIMIT 1 OFFSET $1`,
    [keeping.count],
  );
  if (first !== undefined) forgotten += await forgetUntil(sql, numberOf(first, 'ended_at'));
  for (;;) {
    const until = await endOfExcess(sql, keeping.bytes);
    if (until === undefined) return forgotten;
    forgotten += await forgetUntil(sql, until);
  }
}

async function forgetUntil(sql: Sql, until: number): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const rows = await sql.query(
      `DELETE FROM executions WHERE id IN (
         SELECT id FROM executions WHERE ended_at IS NOT NULL AND ended_at <= $1
         ORDER BY ended_at LIMIT $2) RETURNING id`,
      [until, FORGOTTEN_AT_ONCE],
    );
    forgotten += rows.length;
    if (rows.length < FORGOTTEN_AT_ONCE) return forgotten;
  }
}

/** The end of the last of the oldest that are too much; undefined where nothing is. */
async function endOfExcess(sql: Sql, bytesMax: number): Promise<number | undefined> {
  const [held] = await sql.query(
    `SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM executions
     WHERE ended_at IS NOT NULL`,
  );
  let excess = held === undefined ? 0 : numberOf(held, 'bytes') - bytesMax;
  if (excess <= 0) return undefined;
  const oldest = await sql.query(
    `SELECT ended_at, bytes FROM executions WHERE ended_at IS NOT NULL
     ORDER BY ended_at LIMIT $1`,
    [FORGOTTEN_AT_ONCE],
  );
  let until: number | undefined;
  for (const row of oldest) {
    if (excess <= 0) break;
    excess -= numberOf(row, 'bytes');
    until = numberOf(row, 'ended_at');
  }
  return until;
}

function executionOf(row: Row): ExecutionRow {
  return {
    id: textOf(row, 'id'),
    tenant: textOf(row, 'tenant'),
    server: textOf(row, 'server'),
    language: textOf(row, 'language'),
    labels: row.labels === null ? null : textOf(row, 'labels'),
    createdAt: numberOf(row, 'created_at'),
    dueAt: numberOf(row, 'due_at'),
    startedAt: numberOrNull(row, 'started_at'),
    endedAt: numberOrNull(row, 'ended_at'),
    status: textOf(row, 'status'),
    bytes: numberOf(row, 'bytes'),
  };
}
