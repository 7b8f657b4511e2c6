import { CLIENT_MESSAGES, SERVER_MESSAGES } from './interactive.js';

/** Kept in the repository: `node scripts/run.mjs scripts/interactive-schema.ts` writes it. */
export const INTERACTIVE_SCHEMA_PATH = 'docs/reference/service/interactive.schema.json';

/** What is large, and stands in GET /openapi.json. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  record: 'Execution',
  problem: 'Problem',
  request: 'ExecuteRequest',
};

/** All messages of GET /interact, as a JSON Schema of both directions. */
export function interactiveSchema(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Messages of GET /interact',
    $defs: {
      fromClient: { anyOf: Object.values(CLIENT_MESSAGES) },
      fromServer: { anyOf: Object.values(SERVER_MESSAGES) },
    },
    anyOf: [{ $ref: '#/$defs/fromClient' }, { $ref: '#/$defs/fromServer' }],
  };
  return `${JSON.stringify(schema, pointed, 2)}\n`;
}

function pointed(name: string, value: unknown): unknown {
  const where = ELSEWHERE[name];
  if (where === undefined || typeof value !== 'object') return value;
  const description = `${where} of GET /openapi.json.`;
  return { type: 'object', description };
}
