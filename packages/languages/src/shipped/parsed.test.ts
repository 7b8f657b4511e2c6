import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { loadLanguages } from '../load.js';
import { digestOf, PARSED_NAME } from './parsed.js';

const SHIPPED = join(import.meta.dirname, '../../../../languages/lua.yaml');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-parsed-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const namesIn = async () => {
  const { languages, problems } = await loadLanguages([folder]);
  assert.deepEqual(problems, []);
  return languages.map(({ file }) => file.name);
};

test('what was read of a file serves as long as the file is the same', async () => {
  const text = readFileSync(SHIPPED, 'utf8');
  writeFileSync(join(folder, 'lua.yaml'), text);
  const [read] = (await loadLanguages([folder])).languages;
  assert.ok(read);
  const known = { [digestOf(text)]: { ...read.file, name: 'From what was read' } };
  writeFileSync(join(folder, PARSED_NAME), JSON.stringify(known));
  assert.deepEqual(await namesIn(), ['From what was read']);
  writeFileSync(join(folder, 'lua.yaml'), `${text}# changed\n`);
  assert.deepEqual(await namesIn(), ['Lua']);
});

test('where what was read is damaged, the files are read', async () => {
  writeFileSync(join(folder, 'lua.yaml'), readFileSync(SHIPPED));
  writeFileSync(join(folder, PARSED_NAME), '{"half');
  assert.deepEqual(await namesIn(), ['Lua']);
});
