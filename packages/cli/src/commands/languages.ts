import type { LanguageInfo } from '@gozolite/contract/capabilities';
import colors from 'picocolors';
import { connect, type Where } from '../connect.js';

/** `gozo languages`. @returns the exit code. */
export async function listLanguages(where: Where, { json }: { json: boolean }): Promise<number> {
  const connection = await connect(where, { kind: 'all' });
  try {
    const { languages } = await connection.gozo.capabilities();
    const text = json ? JSON.stringify(languages, null, 2) : languageTable(languages).join('\n');
    process.stdout.write(`${text}\n`);
    return 0;
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

/** One line a language, columns aligned; what is missing comes last, with how to install it. */
export function languageTable(languages: readonly LanguageInfo[]): readonly string[] {
  const rows = languages
    .filter(({ available }) => available)
    .map(({ id, name, version, extensions, aliases }) => [
      id,
      `${name} ${version ?? ''}`,
      extensions.join(' '),
      aliases.join(' '),
    ]);
  const missing = languages.filter(({ available }) => !available);
  const lines = align([['ID', 'LANGUAGE', 'FILES', 'ALSO'], ...rows]);
  if (missing.length === 0) return lines;
  return [
    ...lines,
    '',
    colors.yellow('Not installed:'),
    ...align(missing.map(({ id, name, install }) => [id, name, install ?? ''])),
  ];
}

/** The last column keeps its length. */
function align(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
