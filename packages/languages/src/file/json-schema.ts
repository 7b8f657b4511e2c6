import { LanguageFile } from '../schema.js';

/** Where the repository keeps it; `node scripts/run.mjs scripts/language-schema.ts` writes it. */
export const SCHEMA_PATH = 'docs/reference/language-file.schema.json';

/** The first line of a language file: editors with the YAML language server then know it. */
export function schemaHint(path: string): string {
  return `# yaml-language-server: $schema=${path}`;
}

/** The JSON Schema of language files, as text: what editors complete by. */
export function languageFileSchema(): string {
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...LanguageFile };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
