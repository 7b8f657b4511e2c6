import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packName } from '@gozolite/contract/pack';
import { afterEach, test } from 'vitest';
import { makeFolders, type PackFolders, packFolders } from './folders.js';
import { type InstalledPack, removeInstalled, writeInstalled } from './installed.js';
import { lockPacks } from './lock.js';
import { sweep } from './sweep.js';
import { placeTree, removeTree, takeFiles } from './tree/place.js';
import { scanRoot } from './tree/scan.js';
import { verifyTree } from './tree/verify.js';

const opened: string[] = [];
afterEach(() => {
  for (const folder of opened.splice(0)) removeTree(folder);
});

function open(): PackFolders {
  const root = mkdtempSync(join(tmpdir(), 'gozo-packs-'));
  opened.push(root);
  const folders = packFolders(join(root, 'packs'));
  makeFolders(folders);
  return folders;
}

/** A build root with these files: by content, or as links where it begins with `->`. */
async function install(
  folders: PackFolders,
  language: string,
  files: Readonly<Record<string, string>>,
): Promise<InstalledPack> {
  const root = mkdtempSync(join(folders.build, 'work-'));
  for (const name of ['usr', 'etc']) mkdirSync(join(root, name));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(root, path));
    else
      writeFileSync(join(root, path), content, { mode: path.includes('/bin/') ? 0o4755 : 0o644 });
  }
  const { entries } = await takeFiles(folders, scanRoot(root), () => {});
  const tree = await placeTree(folders, entries, () => {});
  const about = { language, version: '1.0', variant: null, built_at: '', packages: [] };
  const pack = { name: packName({ language, version: '1.0', variant: null }), ...about, ...tree };
  writeInstalled(folders, pack);
  rmSync(root, { recursive: true });
  return pack;
}

const objectsOf = ({ objects }: PackFolders) =>
  readdirSync(objects, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('-'));

test('equal trees have one digest, and equal files one object', async () => {
  const folders = open();
  const files = { 'usr/bin/tool': 'x', 'usr/lib/a': 'same', 'usr/lib/b': 'same' };
  const one = await install(folders, 'one', files);
  const other = await install(folders, 'other', { ...files, 'usr/lib/c': 'more' });
  assert.equal((await install(folders, 'again', files)).digest, one.digest);
  assert.notEqual(other.digest, one.digest);
  assert.equal(objectsOf(folders).length, 3);
});

test('a tree is read-only, without setuid bits, and of one time', async () => {
  const folders = open();
  const { digest } = await install(folders, 'one', { 'usr/bin/tool': 'x', 'etc/conf': 'y' });
  const modes = ['', 'usr/bin', 'usr/bin/tool', 'etc/conf'].map((path) => {
    const stat = statSync(join(folders.trees, digest, path));
    assert.equal(stat.mtime.toISOString(), '2000-01-01T00:00:00.000Z');
    return (stat.mode & 0o7777).toString(8);
  });
  assert.deepEqual(modes, ['555', '555', '555', '444']);
});

test('what lies in /var comes along where a link leads there; documentation does not', async () => {
  const folders = open();
  const { digest } = await install(folders, 'one', {
    'var/lib/tool/conf': 'list',
    'usr/lib/tool/conf.d': '->/var/lib/tool',
    'usr/lib/tool/alternative': '->/etc/alternatives/tool',
    'etc/alternatives/tool': '->/usr/bin/tool',
    'usr/bin/tool': 'x',
    'usr/share/doc/tool/README': 'words',
    'usr/share/doc/tool/copyright': 'licence',
    'usr/share/man/man1/tool.1': 'words',
    'etc/shadow': 'secret',
  });
  const tree = join(folders.trees, digest);
  assert.equal(readFileSync(join(tree, 'usr/lib/tool/conf.d/conf'), 'utf8'), 'list');
  assert.ok(existsSync(join(tree, 'usr/share/doc/tool/copyright')));
  for (const path of ['var', 'usr/share/doc/tool/README', 'usr/share/man', 'etc/shadow']) {
    assert.equal(existsSync(join(tree, path)), false, path);
  }
});

test('verify names each kind of change', async () => {
  const folders = open();
  const { digest } = await install(folders, 'one', {
    'usr/a': 'aaa',
    'usr/b': 'bbb',
    'usr/c': 'ccc',
    'usr/l': '->a',
  });
  const tree = join(folders.trees, digest, 'usr');
  assert.deepEqual(await verifyTree(folders, digest, () => {}), []);
  rmSync(join(tree, 'a'));
  rmSync(join(tree, 'b'));
  writeFileSync(join(tree, 'b'), 'BBB', { mode: 0o444 });
  rmSync(join(tree, 'l'));
  symlinkSync('/etc/passwd', join(tree, 'l'));
  writeFileSync(join(tree, 'new'), '');
  const found = await verifyTree(folders, digest, () => {});
  assert.deepEqual(
    found.map(({ path, what }) => `${path} ${what}`),
    [
      'usr/a is missing',
      'usr/b has other content',
      'usr/l leads to /etc/passwd, not to a',
      'usr/new is not of this pack',
    ],
  );
});

test('a removed pack takes along what only it needed, a killed call what it began', async () => {
  const folders = open();
  const shared = { 'usr/lib/shared': 'shared' };
  const one = await install(folders, 'one', { ...shared, 'usr/lib/one': '1' });
  const two = await install(folders, 'two', { ...shared, 'usr/lib/two': '2' });
  mkdirSync(join(folders.trees, '.new-abc/usr'), { recursive: true });
  writeFileSync(join(folders.installed, 'half@1.0.json.new'), '{');
  removeInstalled(folders, one.name);
  assert.deepEqual(await sweep(folders), { freedBytes: 1, inUse: 0 });
  assert.deepEqual(readdirSync(folders.trees), [two.digest]);
  assert.deepEqual(readdirSync(folders.manifests), [`${two.digest}.json`]);
  assert.deepEqual(readdirSync(folders.installed), ['two@1.0.json']);
  assert.equal(objectsOf(folders).length, 2);
  assert.deepEqual(await verifyTree(folders, two.digest, () => {}), []);
});

test('a second one waits for the first, and can be ended while it waits', async () => {
  const folders = open();
  const { signal } = new AbortController();
  const first = await lockPacks(folders, signal, () => assert.fail('nobody is before it'));
  const ending = new AbortController();
  const ended = lockPacks(folders, ending.signal, () => ending.abort(new Error('ended')));
  await assert.rejects(ended, /ended/);
  const order: string[] = [];
  await new Promise<void>((resolve, reject) => {
    lockPacks(folders, signal, () => {
      order.push('waits');
      first[Symbol.dispose]();
    }).then((second) => {
      order.push('has it');
      second[Symbol.dispose]();
      resolve();
    }, reject);
  });
  assert.deepEqual(order, ['waits', 'has it']);
});
