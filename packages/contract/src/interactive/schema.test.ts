import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { test } from 'vitest';
import { CLIENT_MESSAGES, NOTICES, SERVER_MESSAGES } from './interactive.js';
import { INTERACTIVE_SCHEMA_PATH, interactiveSchema } from './schema.js';

const root = new URL('../../../../', import.meta.url);
const published = readFileSync(new URL(INTERACTIVE_SCHEMA_PATH, root), 'utf8');
const page = readFileSync(new URL('docs/reference/service/interactive.md', root), 'utf8');

test('what is published is what the sources say', () =>
  assert.equal(
    published,
    interactiveSchema(),
    'node scripts/run.mjs scripts/interactive-schema.ts',
  ));

test("each of the page's examples is a message, and each message has one", () => {
  const matches = new Ajv2020({ strict: false }).compile(JSON.parse(published));
  const lines = [...page.matchAll(/^\| `(\{"type".*?\})` \|/gm)].map(([, line = '']) => line);
  const examples = lines.map((line) => JSON.parse(line) as { type: string });
  for (const example of examples) {
    assert.ok(matches(example), `${JSON.stringify(example)}: ${JSON.stringify(matches.errors)}`);
  }
  const types = examples.map(({ type }) => type).sort();
  const all = [...Object.keys(CLIENT_MESSAGES), ...Object.keys(SERVER_MESSAGES)];
  assert.deepEqual(types, all.sort());
  for (const code of NOTICES) assert.ok(page.includes(`\`${code}\``), code);
});
