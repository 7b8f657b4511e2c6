import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packFolders } from '@gozolite/packs/folders';
import { readInstalled } from '@gozolite/packs/installed';
import { afterAll, beforeAll, test } from 'vitest';
import { guideFile } from '../guide-file.js';
import { gozo, gozoPacks } from './gozo-packs.js';

// In the order in which they stand: each goes on with what the one before left.
const home = mkdtempSync(join(tmpdir(), 'gozo-packs-'));
const folders = packFolders(join(home, 'packs'));
const elsewhere = packFolders(join(home, 'elsewhere'));
const archive = join(home, 'packs.tar.gz');
beforeAll(() => {
  // The engine's own user reads packs.
  chmodSync(home, 0o755);
  mkdirSync(folders.root);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const installed = () => {
  const [pack] = readInstalled(folders);
  assert.ok(pack);
  return pack;
};

test('a call that is killed leaves no pack, and keeps what it downloaded', async () => {
  const call = gozoPacks(folders.root, ['add', 'lua']);
  await call.says('lua: installing');
  call.kill('SIGKILL');
  const { signal } = await call.ended;
  assert.equal(signal, 'SIGKILL');
  assert.deepEqual(readdirSync(folders.installed), []);
  const archives = readdirSync(join(folders.downloads, 'debian'));
  assert.ok(archives.some((name) => name.startsWith('lua5.4_')));
});

test('one that is interrupted says so, and clears up behind it', async () => {
  const call = gozoPacks(folders.root, ['add', 'lua']);
  await call.says('lua: resolving');
  call.kill('SIGINT');
  const { code, output } = await call.ended;
  assert.equal(code, 130, output);
  assert.deepEqual(readdirSync(folders.installed), []);
  const left = readdirSync(folders.build).filter((name) => name.startsWith('work-'));
  assert.deepEqual(left, []);
});

test('of two at once one waits; the pack is built once, the host is not written to', async () => {
  const first = gozoPacks(folders.root, ['add', 'lua']);
  await first.says('reading lists');
  const second = gozoPacks(folders.root, ['add', 'lua']);
  const [one, other] = [await first.ended, await second.ended];
  assert.equal(one.code, 0, one.output);
  assert.match(one.output, /^lua@5\.4: added in /m);
  assert.equal(other.code, 0, other.output);
  assert.match(other.output, /waiting for it\nlua@5\.4: installed already/);
  assert.equal(existsSync(folders.downloads), false);
  const { name, language, version, packages } = installed();
  assert.deepEqual([name, language, version], ['lua@5.4', 'lua', '5.4']);
  assert.ok(packages.some((each) => each.ecosystem === 'debian' && each.name === 'lua5.4'));
});

test('a version that the packages do not make is refused, and what is there stays', async () => {
  const { code, output } = await gozoPacks(folders.root, ['add', 'lua@9']).ended;
  assert.equal(code, 1, output);
  assert.match(output, /asked for is 9, and the toolchain of its packages is 5\.4\.\d/);
  assert.equal(installed().name, 'lua@5.4');
});

test('nothing in the tree may be written, nothing runs with the rights of another', () => {
  const tree = join(folders.trees, installed().digest);
  const paths = readdirSync(tree, { recursive: true, withFileTypes: true });
  const faults = paths.filter((each) => {
    if (each.isSymbolicLink()) return false;
    const { mode, uid } = statSync(join(each.parentPath, each.name));
    const isPlain = each.isFile() || each.isDirectory();
    return !isPlain || (mode & 0o7222) !== 0 || uid !== 0;
  });
  assert.deepEqual(
    faults.map(({ name }) => name),
    [],
  );
  assert.ok(paths.length > 1000);
});

test('the same packages build the same tree', async () => {
  const { digest } = installed();
  const { code, output } = await gozoPacks(folders.root, ['update', '--all']).ended;
  assert.equal(code, 0, output);
  assert.match(output, /lua@5\.4: nothing new/);
  assert.equal(installed().digest, digest);
});

test('verify names the file that was changed, and only it', async () => {
  const { digest } = installed();
  const good = await gozoPacks(folders.root, ['verify', '--all']).ended;
  assert.equal(good.code, 0, good.output);
  const file = join(folders.trees, digest, 'usr/bin/lua5.4');
  const content = readFileSync(file);
  const bad = Buffer.from(content);
  bad.writeUInt8(bad.readUInt8(4000) ^ 1, 4000);
  chmodSync(file, 0o755);
  writeFileSync(file, bad);
  chmodSync(file, 0o555);
  const { code, output } = await gozoPacks(folders.root, ['verify', 'lua']).ended;
  assert.equal(code, 1, output);
  const lines = output.split('\n').filter((line) => /^lua@5\.4: \//.test(line));
  assert.deepEqual(lines, ['lua@5.4: /usr/bin/lua5.4 has other content']);
  const refused = await gozoPacks(folders.root, ['export', archive, 'lua']).ended;
  assert.equal(refused.code, 69, refused.output);
  assert.match(refused.output, /usr\/bin\/lua5\.4 has other content/);
  assert.equal(existsSync(archive), false);
  writeFileSync(file, content);
});

test('an exported pack is the same one elsewhere', async () => {
  const out = await gozoPacks(folders.root, ['export', archive, 'lua@5.4']).ended;
  assert.equal(out.code, 0, out.output);
  const taken = await gozoPacks(elsewhere.root, ['import', archive]).ended;
  assert.equal(taken.code, 0, taken.output);
  const { code, output } = await gozoPacks(elsewhere.root, ['verify', '--all']).ended;
  assert.equal(code, 0, output);
  assert.deepEqual(readInstalled(elsewhere), readInstalled(folders));
});

test('a full disk is called by its name, and leaves no pack', async () => {
  const small = packFolders(join(home, 'small'));
  mkdirSync(small.root);
  const mount = `mount -t tmpfs -o size=8m small ${small.root}`;
  for (const args of [
    ['import', archive],
    ['add', 'lua'],
  ]) {
    const list = `"$@" || code=$?; ls ${small.installed}; exit "$code"`;
    const { code, output } = await gozoPacks(small.root, args, `${mount}\n${list}`).ended;
    assert.equal(code, 69, output);
    assert.match(output, /the disk of .* is full/);
    assert.doesNotMatch(output, /lua@5\.4\.json/);
  }
});

test('check-language builds the pack of a file, and runs its programs from it alone', async () => {
  const path = join(home, 'my-awk.yaml');
  const json = join(home, 'checked.json');
  writeFileSync(path, guideFile());
  const checked = await gozo(folders.root, ['check-language', path, '--json', json]).ended;
  assert.equal(checked.code, 0, checked.output);
  assert.match(checked.output, /^my-awk@\d\S*: added in /m);
  const pack = readInstalled(folders).find(({ language }) => language === 'my-awk');
  const [row] = JSON.parse(readFileSync(json, 'utf8')).languages;
  assert.equal(row.toolchain.digest, pack?.digest);
  assert.equal(row.smokes.length, 9);
  writeFileSync(
    path,
    guideFile().replaceAll('my-awk', 'no-awk').replace('[mawk]', '[no-such-awk]'),
  );
  const failed = await gozo(folders.root, ['check-language', path]).ended;
  assert.equal(failed.code, 1, failed.output);
  assert.match(failed.output, /^no-awk +its toolchain is missing$/m);
  assert.match(failed.output, /Its pack can't be built: .*\n.*no-such-awk/);
  const removed = await gozoPacks(folders.root, ['remove', 'my-awk']).ended;
  assert.equal(removed.code, 0, removed.output);
});

test('a removed pack leaves nothing', async () => {
  const { code, output } = await gozoPacks(folders.root, ['remove', 'lua']).ended;
  assert.equal(code, 0, output);
  const left = readdirSync(folders.root, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left.filter((each) => !each.isDirectory()),
    [],
  );
  assert.deepEqual(readdirSync(folders.trees), []);
  assert.deepEqual(readdirSync(folders.objects), []);
  assert.deepEqual(readdirSync(folders.build), []);
});
