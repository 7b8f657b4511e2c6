import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { openDataSets } from '../../packs/data.js';
import { dataFaults, dataOf } from './grant.js';

const DIGEST = 'a'.repeat(64);
const folder = mkdtempSync(join(tmpdir(), 'gozolite-data-'));

function put(name: string, word: unknown, hasTree = true): void {
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'data', `${name}.json`), JSON.stringify(word));
  if (hasTree) mkdirSync(join(folder, 'trees', DIGEST, 'data'), { recursive: true });
}

const word = (name: string, more = {}) => {
  return { name, digest: DIGEST, bytes: 1, files: 1, added_at: '', ...more };
};
put('iris', word('iris'));
put('words', word('words'));
put('other', word('iris'));
put('half', { name: 'half' });
put('treeless', word('treeless', { digest: 'b'.repeat(64) }));

const rows: readonly (readonly [string, readonly string[], string[], (string | undefined)[]])[] = [
  ['what is granted and there is no fault', ['iris'], ['iris'], []],
  ['a star grants all', ['*'], ['iris', 'words'], []],
  ['nothing is granted by default', [], ['iris'], ['FORBIDDEN /data/0']],
  ['another is not granted', ['iris'], ['iris', 'words'], ['FORBIDDEN /data/1']],
  ['nobody asks by a path', ['*'], ['../data/iris', '..', '', '*'], Array(4).fill('FORBIDDEN')],
  ['one that is not there', ['gone'], ['gone'], ['UNKNOWN_DATA']],
  ['records that are none', ['*'], ['other', 'half', 'treeless'], Array(3).fill('UNKNOWN_DATA')],
  ['one twice', ['*'], ['iris', 'iris'], ['INVALID_VALUE /data/1']],
];
for (const [title, allow, names, codes] of rows) {
  test(title, () => {
    const faults = dataFaults(openDataSets(folder, allow), names);
    const seen = faults.map(({ code, pointer }) => `${code} ${pointer}`);
    assert.equal(seen.length, codes.length, seen.join());
    for (const [at, code] of codes.entries()) assert.ok(seen[at]?.startsWith(code ?? ''));
  });
}

test('a refusal names what is granted, and nothing else that is there', () => {
  const [fault] = dataFaults(openDataSets(folder, ['iris', 'gone']), ['words']);
  assert.match(fault?.detail ?? '', /does not grant the data set "words"; it grants iris, gone\./);
  const [missing] = dataFaults(openDataSets(folder, ['iris', 'gone']), ['gone']);
  assert.match(missing?.detail ?? '', /"gone" is not installed; installed are iris\./);
});

test('what is admitted has the digest of now, and no member where nothing was asked for', () => {
  const sets = openDataSets(folder, ['*']);
  assert.deepEqual(dataOf(sets, ['iris']), { data: [{ name: 'iris', digest: DIGEST }] });
  assert.deepEqual(dataOf(sets, []), {});
});
