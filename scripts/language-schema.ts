// Writes the JSON Schema of language files from its source, packages/languages/src/schema.ts.
import { writeFileSync } from 'node:fs';
import { languageFileSchema, SCHEMA_PATH } from '@gozolite/languages/file/json-schema';

writeFileSync(SCHEMA_PATH, languageFileSchema());
process.stdout.write(`wrote ${SCHEMA_PATH}\n`);
