import { type Sql, textOf } from './sql.js';

/**
 * Sets a mark where it is not set yet, for good.
 * @returns what it is: the value given, or the one that stood there
 */
export async function markOnce(sql: Sql, name: string, value: string): Promise<string> {
  await sql.query('INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [
    name,
    value,
  ]);
  const [row] = await sql.query('SELECT value FROM marks WHERE name = $1', [name]);
  return row === undefined ? value : textOf(row, 'value');
}
