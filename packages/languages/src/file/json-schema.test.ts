import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { test } from 'vitest';
import { parse } from 'yaml';
import { languageFileSchema, SCHEMA_PATH, schemaHint } from './json-schema.js';

const root = new URL('../../../../', import.meta.url);
const published = readFileSync(new URL(SCHEMA_PATH, root), 'utf8');

test('what is published is what the sources say', () =>
  assert.equal(published, languageFileSchema(), 'node scripts/run.mjs scripts/language-schema.ts'));

test('by itself, as an editor reads it, it takes a good file and names what is wrong', () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(published));
  const lua: object = parse(readFileSync(new URL('languages/lua.yaml', root), 'utf8'));
  assert.ok(validate(lua), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...lua, extension: '.lua' }));
  assert.equal(validate.errors?.[0]?.params.additionalProperty, 'extension');
});

test('every member of a language file is described, so that an editor can show it', () => {
  const { properties } = JSON.parse(published);
  const mute = Object.keys(properties).filter((name) => !properties[name].description);
  assert.deepEqual(mute, []);
});

test("a shipped file's hint leads to the schema", () => {
  const hint = /^# yaml-language-server: \$schema=(\S+)\n/;
  const text = readFileSync(new URL('languages/lua.yaml', root), 'utf8');
  const path = hint.exec(text)?.[1] ?? '';
  assert.equal(schemaHint(path), text.split('\n')[0]);
  const target = fileURLToPath(new URL(path, new URL('languages/lua.yaml', root)));
  assert.equal(target, fileURLToPath(new URL(SCHEMA_PATH, root)));
});
