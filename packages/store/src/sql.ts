/** What SQLite and Postgres have in common: text, whole numbers up to 2^53, and nothing. */
export type Value = string | number | null;

export type Row = Readonly<Record<string, Value>>;

/**
 * Statements of one connection. Parameters are written `$1`, `$2` …, as Postgres has them; each
 * statement is one that both databases understand.
 */
export interface Sql {
  query(text: string, parameters?: readonly Value[]): Promise<readonly Row[]>;
}

export interface Database extends Sql, AsyncDisposable {
  readonly kind: 'sqlite' | 'postgres';
  /**
   * All of it or nothing. No other writer's change comes between what it reads and what it writes:
   * it begins by locking (SQLite: the file; Postgres: see `exclusively`).
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** As `transaction`, one at a time among all that give the same name, on every server. */
  exclusively<T>(name: string, work: (sql: Sql) => Promise<T>): Promise<T>;
  /**
   * Of these tables' rows: as long as it is the same, what was read of them since it was asked for
   * still holds, whoever writes. Undefined where that can't be told without a query.
   */
  versionOf(tables: readonly string[]): string | undefined;
}

export interface StoreErrorOptions extends ErrorOptions {
  /** It may be there again in a moment: a database server that is stopped, a disk that is full. */
  readonly isAway?: boolean;
}

/** The store could not be opened or used: a file of somebody else, a server that is away. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly isAway: boolean;

  constructor(message: string, { isAway = false, ...options }: StoreErrorOptions = {}) {
    super(message, options);
    this.isAway = isAway;
  }
}

/** As a caller is told it; what is no fault of reaching the store stays as it is. */
export function awayError(error: unknown, isAway: (error: Error) => boolean): unknown {
  if (!(error instanceof Error) || error instanceof StoreError || !isAway(error)) return error;
  const cause = error;
  return new StoreError(`the store can't be reached: ${error.message}`, { cause, isAway: true });
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new StoreError(`the column ${column} holds no text`);
  return value;
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new StoreError(`the column ${column} holds no number`);
  return value;
}

export function numberOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : numberOf(row, column);
}
