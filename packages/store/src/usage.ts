import { type Database, numberOf, type Row, type Sql, textOf } from './sql.js';

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
      totals = await addAll(sql, reservation, windows);
      if (!fits(totals)) throw new DoesNotFit();
      await insertReservation(sql, reservation);
    });
    return { isHeld: true, totals };
  } catch (error) {
    if (error instanceof DoesNotFit) return { isHeld: false, totals };
    throw error;
  }
}

class DoesNotFit extends Error {}

/** One statement for all windows; its rows come back in no order that is promised. */
async function addAll(
  sql: Sql,
  { tenant, cpuMs, outputBytes }: Reservation,
  windows: readonly WindowKey[],
): Promise<Amounts[]> {
  const values = windows.map((_, at) => `($1, $${2 * at + 4}, $${2 * at + 5}, 1, $2, $3)`);
  const rows = await sql.query(
    `INSERT INTO usage_windows (tenant, span, starts_at, executions, cpu_ms, output_bytes)
     VALUES ${values.join(', ')}
     ON CONFLICT (tenant, span, starts_at) DO UPDATE SET
       executions = usage_windows.executions + 1,
       cpu_ms = usage_windows.cpu_ms + excluded.cpu_ms,
       output_bytes = usage_windows.output_bytes + excluded.output_bytes
     RETURNING span, executions, cpu_ms, output_bytes`,
    [tenant, cpuMs, outputBytes, ...windows.flatMap(({ span, startsAt }) => [span, startsAt])],
  );
  return windows.map(({ span }) => amountsOf(rows.find((row) => row.span === span)));
}

async function insertReservation(sql: Sql, reservation: Reservation): Promise<void> {
  const { execution, tenant, server, admittedAt, cpuMs, outputBytes } = reservation;
  await sql.query(
    `INSERT INTO reservations (execution, tenant, server, admitted_at, cpu_ms, output_bytes)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [execution, tenant, server, admittedAt, cpuMs, outputBytes],
  );
}

/** What an execution really used. */
export interface Settlement {
  readonly execution: string;
  readonly used: Amounts;
}

/** What is written together, some time behind. */
export interface UsageBatch {
  /** Set aside without a look at the totals: no quota bounds them. */
  readonly begun: readonly Reservation[];
  /** What was really used comes in the place of what was set aside; a second time is harmless. */
  readonly ended: readonly Settlement[];
  /** Of those whose beginning was not written. */
  readonly whole: readonly {
    readonly reservation: Reservation;
    readonly used: Amounts;
  }[];
}

/** @param windowsOf those that a reservation is made in, in the order of `reserve` */
export async function writeUsage(
  store: Database,
  { begun, ended, whole }: UsageBatch,
  windowsOf: WindowsOf,
): Promise<void> {
  await store.transaction(async (sql) => {
    const changes = createChanges(windowsOf);
    for (const reservation of begun) {
      await insertReservation(sql, reservation);
      const { cpuMs, outputBytes } = reservation;
      changes.add(reservation, { executions: 1, cpuMs, outputBytes });
    }
    for (const { reservation, used } of whole) changes.add(reservation, used);
    for (const { execution, used } of ended) {
      const rows = await sql.query(
        `DELETE FROM reservations WHERE execution = $1
         RETURNING tenant, admitted_at, cpu_ms, output_bytes`,
        [execution],
      );
      for (const held of rows) changes.correct(held, used);
    }
    await changes.write(sql);
  });
}

type WindowsOf = (admittedAt: number) => readonly WindowKey[];

/** Of windows of several tenants, added up. */
function createChanges(windowsOf: WindowsOf) {
  const changes = new Map<string, Change>();
  const change = (tenant: string, at: number, by: Amounts): void => {
    for (const [nth, { span, startsAt }] of windowsOf(at).entries()) {
      const name = `${tenant} ${nth} ${startsAt}`;
      const sum = changes.get(name) ?? { tenant, nth, span, startsAt, ...NO_AMOUNTS };
      changes.set(name, {
        ...sum,
        executions: sum.executions + by.executions,
        cpuMs: sum.cpuMs + by.cpuMs,
        outputBytes: sum.outputBytes + by.outputBytes,
      });
    }
  };
  return {
    add: ({ tenant, admittedAt }: Pick<Reservation, 'tenant' | 'admittedAt'>, by: Amounts) =>
      change(tenant, admittedAt, by),
    correct: (held: Row, used: Amounts) =>
      change(textOf(held, 'tenant'), numberOf(held, 'admitted_at'), {
        executions: used.executions - 1,
        cpuMs: used.cpuMs - numberOf(held, 'cpu_ms'),
        outputBytes: used.outputBytes - numberOf(held, 'output_bytes'),
      }),
    /** In the order in which `reserve` locks rows: no two servers wait for each other in a ring. */
    write: async (sql: Sql): Promise<void> => {
      const sorted = [...changes.values()].sort(asLocked);
      for (let at = 0; at < sorted.length; at += TOGETHER_MAX) {
        await writeChanges(sql, sorted.slice(at, at + TOGETHER_MAX));
      }
    },
  };
}

/** Of one window of a tenant; `nth` of those of a moment, as `reserve` has them. */
type Change = WindowKey & Amounts & { readonly tenant: string; readonly nth: number };

/** Mostly those of one tenant. More texts of statements would be kept prepared, for nothing. */
const TOGETHER_MAX = 3;

async function writeChanges(sql: Sql, changes: readonly Change[]): Promise<void> {
  await sql.query(
    CHANGING[changes.length - 1] ?? '',
    changes.flatMap(({ tenant, span, startsAt, executions, cpuMs, outputBytes }) => [
      ...[tenant, span, startsAt, executions, cpuMs, outputBytes],
    ]),
  );
}

/** Of one change, of two, and so on. */
const CHANGING = Array.from({ length: TOGETHER_MAX }, (_, more) => {
  const rows = Array.from({ length: more + 1 }, (_, at) => `(${parameters(6 * at + 1, 6)})`);
  return `INSERT INTO usage_windows (tenant, span, starts_at, executions, cpu_ms, output_bytes)
     VALUES ${rows.join(', ')}
     ON CONFLICT (tenant, span, starts_at) DO UPDATE SET
       executions = usage_windows.executions + excluded.executions,
       cpu_ms = usage_windows.cpu_ms + excluded.cpu_ms,
       output_bytes = usage_windows.output_bytes + excluded.output_bytes`;
});

function parameters(first: number, count: number): string {
  return Array.from({ length: count }, (_, at) => `$${first + at}`).join(', ');
}

function asLocked(one: Change, other: Change): number {
  if (one.tenant !== other.tenant) return one.tenant < other.tenant ? -1 : 1;
  return one.nth - other.nth || one.startsAt - other.startsAt;
}

/**
 * Gives back what this server held when it was killed, and what any held before `before`: nobody
 * knows what those used. They stay counted as executions. @returns how many
 */
export async function giveBack(
  store: Database,
  server: string,
  before: number,
  windowsOf: WindowsOf,
): Promise<number> {
  return store.transaction(async (sql) => {
    const rows = await sql.query(
      `DELETE FROM reservations WHERE server = $1 OR admitted_at < $2
       RETURNING tenant, admitted_at, cpu_ms, output_bytes`,
      [server, before],
    );
    const changes = createChanges(windowsOf);
    for (const held of rows) changes.correct(held, { executions: 1, cpuMs: 0, outputBytes: 0 });
    await changes.write(sql);
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
