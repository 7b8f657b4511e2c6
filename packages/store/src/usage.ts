import { type Database, numberOf, type Row, type Sql, textOf, type Value } from './sql.js';

/** What is counted of a tenant, in each window. */
export interface Amounts {
  readonly executions: number;
  readonly cpuMs: number;
  readonly outputBytes: number;
}

export const NO_AMOUNTS: Amounts = { executions: 0, cpuMs: 0, outputBytes: 0 };

/** One window of time, by its name and its beginning. */
export interface WindowKey {
  readonly span: string;
  readonly startsAt: number;
}

export interface Reservation {
  readonly execution: string;
  readonly tenant: string;
  /** Which server holds it: what it left behind is given back at its next start. */
  readonly server: string;
  readonly admittedAt: number;
  readonly cpuMs: number;
  readonly outputBytes: number;
}

/**
 * Sets aside what an execution may use at most, in all its windows, or in none.
 * @param windows always in the same order: it is the order in which rows are locked
 * @param fits judges the totals with the new one in them
 * @returns the totals of each window, with `isHeld` whether they stand
 */
export async function reserve(
  store: Database,
  reservation: Reservation,
  windows: readonly WindowKey[],
  fits: (totals: readonly Amounts[]) => boolean,
): Promise<{ readonly isHeld: boolean; readonly totals: readonly Amounts[] }> {
  let totals: Amounts[] = [];
  try {
    await store.transaction(async (sql) => {
      totals = [];
      for (const window of windows) totals.push(await add(sql, reservation, window));
      if (!fits(totals)) throw new DoesNotFit();
      await sql.query(
        `INSERT INTO reservations (execution, tenant, server, admitted_at, cpu_ms, output_bytes)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [
          ...[reservation.execution, reservation.tenant, reservation.server],
          ...[reservation.admittedAt, reservation.cpuMs, reservation.outputBytes],
        ],
      );
    });
    return { isHeld: true, totals };
  } catch (error) {
    if (error instanceof DoesNotFit) return { isHeld: false, totals };
    throw error;
  }
}

class DoesNotFit extends Error {}

async function add(
  sql: Sql,
  { tenant, cpuMs, outputBytes }: Reservation,
  { span, startsAt }: WindowKey,
): Promise<Amounts> {
  const rows = await sql.query(
    `INSERT INTO usage_windows (tenant, span, starts_at, executions, cpu_ms, output_bytes)
     VALUES ($1, $2, $3, 1, $4, $5)
     ON CONFLICT (tenant, span, starts_at) DO UPDATE SET
       executions = usage_windows.executions + 1,
       cpu_ms = usage_windows.cpu_ms + excluded.cpu_ms,
       output_bytes = usage_windows.output_bytes + excluded.output_bytes
     RETURNING executions, cpu_ms, output_bytes`,
    [tenant, span, startsAt, cpuMs, outputBytes],
  );
  return amountsOf(rows[0]);
}

/**
 * Puts what was really used in the place of what was set aside; a second time changes nothing.
 * @param windowsOf those that the reservation was made in
 */
export async function settle(
  store: Database,
  execution: string,
  used: Amounts,
  windowsOf: (admittedAt: number) => readonly WindowKey[],
): Promise<void> {
  await store.transaction(async (sql) => {
    const rows = await sql.query(
      `DELETE FROM reservations WHERE execution = $1
       RETURNING tenant, admitted_at, cpu_ms, output_bytes`,
      [execution],
    );
    for (const row of rows) await correct(sql, row, { used, windowsOf });
  });
}

interface Correction {
  readonly used: Amounts;
  readonly windowsOf: (admittedAt: number) => readonly WindowKey[];
}

async function correct(sql: Sql, held: Row, { used, windowsOf }: Correction): Promise<void> {
  const change: readonly Value[] = [
    used.executions - 1,
    used.cpuMs - numberOf(held, 'cpu_ms'),
    used.outputBytes - numberOf(held, 'output_bytes'),
  ];
  for (const { span, startsAt } of windowsOf(numberOf(held, 'admitted_at'))) {
    await sql.query(
      `UPDATE usage_windows SET executions = executions + $4, cpu_ms = cpu_ms + $5,
         output_bytes = output_bytes + $6
       WHERE tenant = $1 AND span = $2 AND starts_at = $3`,
      [textOf(held, 'tenant'), span, startsAt, ...change],
    );
  }
}

/**
 * Gives back what this server held when it was killed, and what any held before `before`: nobody
 * knows what those used. They stay counted as executions. @returns how many
 */
export async function giveBack(
  store: Database,
  server: string,
  before: number,
  windowsOf: (admittedAt: number) => readonly WindowKey[],
): Promise<number> {
  return store.transaction(async (sql) => {
    const rows = await sql.query(
      `DELETE FROM reservations WHERE server = $1 OR admitted_at < $2
       RETURNING tenant, admitted_at, cpu_ms, output_bytes`,
      [server, before],
    );
    const used = { executions: 1, cpuMs: 0, outputBytes: 0 };
    for (const row of rows) await correct(sql, row, { used, windowsOf });
    return rows.length;
  });
}

/** What was used, and what is set aside, in one window; nothing where nobody asked in it. */
export async function readUsage(
  sql: Sql,
  tenant: string,
  { span, startsAt }: WindowKey,
): Promise<Amounts> {
  const rows = await sql.query(
    `SELECT executions, cpu_ms, output_bytes FROM usage_windows
     WHERE tenant = $1 AND span = $2 AND starts_at = $3`,
    [tenant, span, startsAt],
  );
  return rows[0] === undefined ? NO_AMOUNTS : amountsOf(rows[0]);
}

/** Windows that began before that time are of no use any more. */
export async function forgetUsage(sql: Sql, before: number): Promise<void> {
  await sql.query('DELETE FROM usage_windows WHERE starts_at < $1', [before]);
}

function amountsOf(row: Row | undefined): Amounts {
  if (row === undefined) throw new Error('a row that was written is not there');
  return {
    executions: numberOf(row, 'executions'),
    cpuMs: numberOf(row, 'cpu_ms'),
    outputBytes: numberOf(row, 'output_bytes'),
  };
}
