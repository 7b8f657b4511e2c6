import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadLanguages } from './load.js';
import { catalogueOf } from './names/catalogue.js';
import { smokeFilesOf } from './smokes/smokes.js';
import { CORE_SMOKES } from './smokes/standard.js';

const folder = fileURLToPath(new URL('../../../languages', import.meta.url));
const { languages, names, problems } = catalogueOf(await loadLanguages([folder]));

test('every shipped language file is good, and no two claim one name', () => {
  assert.deepEqual(problems, []);
});

const FOURTEEN = 'bash c cpp go java javascript lua perl php python ruby rust sqlite typescript';

test('the fourteen languages are there, complete', () => {
  const core = languages.filter(({ depth }) => depth === 'core').map(({ id }) => id);
  expect(core).toEqual(expect.arrayContaining(FOURTEEN.split(' ')));
});

const INTERPRETED = `awk bun deno duckdb elixir erlang lisp luajit octave postgresql prolog pypy r
  racket raku scheme tcl`;

test('seventeen more that are interpreted are complete, too', () => {
  const core = languages.filter(({ depth }) => depth === 'core').map(({ id }) => id);
  expect(core).toEqual(expect.arrayContaining(INTERPRETED.split(/\s+/)));
});

test('a complete language has every standard smoke program, or says why it cannot', () => {
  for (const file of languages.filter(({ depth }) => depth === 'core')) {
    const named = [...Object.keys(smokeFilesOf(file)), ...Object.keys(file.not_applicable ?? {})];
    expect(named, file.id).toEqual(expect.arrayContaining([...CORE_SMOKES]));
  }
});

const rows = [
  ['py', 'python'],
  ['71', 'python'],
  ['c++', 'cpp'],
  ['54', 'cpp'],
  ['node-js', 'javascript'],
  ['sqlite3', 'sqlite'],
  ['82', 'sqlite'],
  ['sh', 'bash'],
  ['golang', 'go'],
  ['gcc', 'c'],
] as const;
for (const [name, id] of rows) {
  test(`${name} is ${id}`, () => assert.equal(names.get(name), id));
}
