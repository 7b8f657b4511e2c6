import { createHash } from 'node:crypto';
import { type Database, numberOf, type Sql, StoreError, textOf } from '../sql.js';
import { MIGRATIONS, type Migration } from './migrations.js';

const TABLE = `CREATE TABLE IF NOT EXISTS schema_versions (
  version BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  applied_at BIGINT NOT NULL
)`;

/**
 * Brings a store to the newest schema, one server or CLI at a time, whole or not at all.
 * @throws StoreError where a newer GozoLite has used the store, or its history is another one
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await database.exclusively('migrations', async (sql) => {
    await sql.query(TABLE);
    const applied = await sql.query('SELECT version, digest FROM schema_versions ORDER BY version');
    const digests = applied.map((row) => textOf(row, 'digest'));
    const newest = applied.map((row) => numberOf(row, 'version')).at(-1) ?? 0;
    if (newest > migrations.length) {
      throw new StoreError(
        `the store's schema is ${newest}, and this GozoLite knows ${migrations.length}: ` +
          'a newer one has used it, and there is no way back',
      );
    }
    for (const [index, migration] of migrations.entries()) {
      const known = digests[index];
      if (known === undefined) await apply(sql, migration);
      else if (known !== digestOf(migration)) {
        throw new StoreError(`the store's schema ${migration.version} is not the one of GozoLite`);
      }
    }
  });
}

async function apply(sql: Sql, migration: Migration): Promise<void> {
  for (const statement of migration.statements) await sql.query(statement);
  await sql.query(
    'INSERT INTO schema_versions (version, name, digest, applied_at) VALUES ($1, $2, $3, $4)',
    [migration.version, migration.name, digestOf(migration), Date.now()],
  );
}

function digestOf({ statements }: Migration): string {
  return createHash('sha256').update(statements.join(';\n')).digest('hex');
}
