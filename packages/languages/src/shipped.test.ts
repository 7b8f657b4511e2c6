import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadLanguages } from './load.js';
import { catalogueOf } from './names/catalogue.js';
import { SMOKE_NAMES } from './schema.js';

const folder = fileURLToPath(new URL('../../../languages', import.meta.url));
const { languages, names, problems } = catalogueOf(await loadLanguages([folder]));

test('every shipped language file is good, and no two claim one name', () => {
  assert.deepEqual(problems, []);
});

test('the fourteen languages are there', () => {
  const ids = 'bash c cpp go java javascript lua perl php python ruby rust sqlite typescript';
  expect(languages.map(({ id }) => id)).toEqual(expect.arrayContaining(ids.split(' ')));
});

test('every shipped language runs every smoke program, or says why it cannot', () => {
  for (const { id, smokes, not_applicable: excused = {} } of languages) {
    for (const name of SMOKE_NAMES) {
      assert.ok(name in smokes || name in excused, `${id} has ${name}`);
    }
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
