/** @param to a file that is empty, or not there yet */
export type Snapshot = (file: string, to: string) => void;

/**
 * Copies a database that others write to meanwhile: as it was at one moment, whole. SQLite reads it
 * in one transaction, and in WAL mode holds up nobody (lang_vacuum.html, VACUUM INTO). All of it
 * happens in the call, with the rights that its caller has just then.
 */
export async function loadSnapshot(): Promise<Snapshot> {
  const { default: Native } = await import('libsql');
  return (file, to) => {
    const connection = new Native(file);
    try {
      connection.exec('PRAGMA busy_timeout = 10000');
      connection.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`);
    } finally {
      connection.close();
    }
  };
}

export interface SqliteCheck {
  /** What is broken in it, in SQLite's words; empty where nothing is. */
  readonly faults: readonly string[];
  /** Of the schema; 0 where it has none. */
  readonly version: number;
  /** Which secret its keys were hashed with; undefined where none was yet. */
  readonly mark: string | undefined;
}

/** Looks through a database from end to end, and writes nothing. */
export async function checkSqlite(file: string): Promise<SqliteCheck> {
  const { default: Native } = await import('libsql');
  const connection = new Native(file, { readonly: true });
  try {
    const texts = (text: string): readonly string[] =>
      connection
        .prepare(text)
        .all()
        .map((row) => String(Object.values(row as object)[0]));
    const faults = texts('PRAGMA integrity_check').filter((each) => each !== 'ok');
    const version = Number(texts('SELECT COALESCE(MAX(version), 0) FROM schema_versions')[0]);
    const [mark] = version < 2 ? [] : texts("SELECT value FROM marks WHERE name = 'key-secret'");
    return { faults, version, mark };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { faults: [reason], version: 0, mark: undefined };
  } finally {
    connection.close();
  }
}
