import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'vitest';
import { exportPacks } from '../archive/export.js';
import { importPacks } from '../archive/take-in.js';
import { packFolders } from '../folders.js';
import { verifyTree } from '../tree/verify.js';
import { addDataSet, removeDataSets } from './add.js';
import { chooseDataSets, readDataSets } from './sets.js';

const nothing = { onWait: () => {}, onShare: () => {} };
let place = '';
let context: Parameters<typeof addDataSet>[0];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gozolite-data-'));
  context = newContext('packs');
  const source = join(place, 'iris');
  mkdirSync(join(source, 'more'), { recursive: true });
  writeFileSync(join(source, 'iris.csv'), '5.1,setosa\n', { mode: 0o600 });
  writeFileSync(join(source, 'more', 'x'), 'x', { mode: 0o777 });
  symlinkSync('../iris.csv', join(source, 'more', 'link'));
});

function newContext(name: string) {
  const { signal } = new AbortController();
  return { folders: packFolders(join(place, name)), env: process.env, signal };
}
const add = (name: string, source = join(place, 'iris')) =>
  addDataSet(context, name, source, nothing);
const treeOf = (digest: string) => join(context.folders.trees, digest, 'data');

test('a folder becomes a tree that nobody may write to, and stays as it was', async () => {
  const { kind, set } = await add('iris');
  assert.deepEqual([kind, set.name, set.files, set.bytes], ['added', 'iris', 2, 12]);
  const tree = treeOf(set.digest);
  const modes = ['', 'iris.csv', 'more', 'more/x'].map((path) => lstatSync(join(tree, path)).mode);
  assert.deepEqual(
    modes.map((mode) => (mode & 0o7777).toString(8)),
    ['555', '444', '555', '444'],
  );
  assert.equal(readFileSync(join(tree, 'more/link'), 'utf8'), '5.1,setosa\n');
  assert.deepEqual(await verifyTree(context.folders, set.digest, () => {}), []);
  assert.equal((lstatSync(join(place, 'iris/iris.csv')).mode & 0o777).toString(8), '600');
  assert.deepEqual(readdirSync(context.folders.build), []);
});

test('the same again is unchanged, another content replaces it, and both share files', async () => {
  const first = await add('iris');
  assert.equal((await add('iris')).kind, 'unchanged');
  const copy = await add('copy');
  assert.deepEqual([copy.set.digest, copy.newBytes], [first.set.digest, 0]);
  writeFileSync(join(place, 'iris', 'new'), 'new');
  const second = await add('iris');
  assert.deepEqual([second.kind, second.newBytes], ['replaced', 3]);
  assert.ok(existsSync(treeOf(first.set.digest)), 'the copy still has it');
});

test('an archive and its folder are one set, and a file is a set of one', async () => {
  execFileSync('tar', ['-czf', join(place, 'iris.tar.gz'), '-C', join(place, 'iris'), '.']);
  const [folder, archive] = [await add('a'), await add('b', join(place, 'iris.tar.gz'))];
  assert.equal(folder.set.digest, archive.set.digest);
  const { set } = await add('c', join(place, 'iris', 'iris.csv'));
  assert.deepEqual(readdirSync(treeOf(set.digest)), ['iris.csv']);
});

const astray: readonly (readonly [string, string])[] = [
  ['an absolute link', '/etc/passwd'],
  ['a link one folder too far up', '../../iris.csv'],
  ['a link that goes down and up again', 'more/../../x'],
  ['a link to what is above', '../..'],
];
for (const [what, target] of astray) {
  test(`${what} is refused by its name, and nothing is left`, async () => {
    symlinkSync(target, join(place, 'iris', 'more', 'astray'));
    await assert.rejects(add('iris'), /iris: the link more\/astray leads out of it, to /);
    assert.deepEqual(readDataSets(context.folders), []);
    assert.deepEqual(readdirSync(context.folders.build), []);
  });
}

test('a pipe, nothing at all and a bad name are refused', async () => {
  await assert.rejects(add('Iris'), /no name of a data set/);
  await assert.rejects(add('..'), /no name of a data set/);
  await assert.rejects(add('iris', join(place, 'nowhere')), /it is not there/);
  mkdirSync(join(place, 'empty'));
  await assert.rejects(add('iris', join(place, 'empty')), /it has no file/);
  execFileSync('mkfifo', [join(place, 'iris', 'pipe')]);
  await assert.rejects(add('iris'), /pipe is neither file, folder nor link/);
});

test('what is removed is gone, and what it shared stays', async () => {
  const { set } = await add('iris');
  await add('copy');
  const remove = (names: readonly string[]) =>
    removeDataSets(
      context,
      (installed) => chooseDataSets(installed, names),
      () => {},
    );
  await remove(['iris']);
  assert.ok(existsSync(treeOf(set.digest)));
  await assert.rejects(remove(['iris']), /iris is not installed; installed are copy/);
  const { freedBytes } = await remove(['copy']);
  assert.equal(freedBytes, 12);
  assert.deepEqual(readdirSync(context.folders.trees), []);
});

test('it goes to another machine in one file, and a changed one is refused', async () => {
  const { set } = await add('iris');
  const file = join(place, 'sets.tar.gz');
  await exportPacks(context, file, { packs: [], data: [set] }, () => {});
  context = newContext('elsewhere');
  const { data } = await importPacks(
    context,
    file,
    () => {},
    () => {},
  );
  assert.deepEqual(
    data.map(({ name, digest }) => [name, digest]),
    [['iris', set.digest]],
  );
  assert.deepEqual(await verifyTree(context.folders, set.digest, () => {}), []);
  assert.deepEqual(
    readDataSets(context.folders).map(({ name }) => name),
    ['iris'],
  );
});
