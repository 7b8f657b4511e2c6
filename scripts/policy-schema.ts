// Writes the JSON Schema of policies from its source, packages/tenancy/src/policy/schema.ts.
import { writeFileSync } from 'node:fs';
import { POLICY_SCHEMA_PATH, policyFileSchema } from '@gozolite/tenancy/policy/schema';

writeFileSync(POLICY_SCHEMA_PATH, policyFileSchema());
process.stdout.write(`wrote ${POLICY_SCHEMA_PATH}\n`);
