import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { test } from 'vitest';
import { parse } from 'yaml';
import { POLICY_SCHEMA_PATH, policyFileSchema } from './schema.js';

const root = new URL('../../../../', import.meta.url);
const published = readFileSync(new URL(POLICY_SCHEMA_PATH, root), 'utf8');

test('what is published is what the sources say', () =>
  assert.equal(published, policyFileSchema(), 'node scripts/run.mjs scripts/policy-schema.ts'));

test("the page's example is a policy, and has every part of one", () => {
  const page = readFileSync(new URL('docs/reference/service/policies.md', root), 'utf8');
  const example: object = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  const validate = new Ajv({ strict: false }).compile(JSON.parse(published));
  assert.ok(validate(example), JSON.stringify(validate.errors));
  const { properties } = JSON.parse(published);
  assert.deepEqual(Object.keys(example).sort(), Object.keys(properties).sort());
  const { rules } = example as { rules: object };
  assert.deepEqual(Object.keys(rules).sort(), Object.keys(properties.rules.properties).sort());
});
