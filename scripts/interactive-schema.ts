// Writes the JSON Schema of GET /interact from its source, packages/contract/src/interactive.
import { writeFileSync } from 'node:fs';
import { INTERACTIVE_SCHEMA_PATH, interactiveSchema } from '@gozolite/contract/interactive/schema';

writeFileSync(INTERACTIVE_SCHEMA_PATH, interactiveSchema());
process.stdout.write(`wrote ${INTERACTIVE_SCHEMA_PATH}\n`);
