import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DataSet } from '@gozolite/contract/data/data-set';
import type { SandboxResult } from '@gozolite/sandbox/backend';
import { afterEach, beforeEach, test } from 'vitest';
import { digestOf, plantData, plantTree } from '../../planted-packs.js';
import { endLauncher, type Launcher, newFolder, script, startLauncher } from '../launcher.js';
import { DATA_ATTACKS } from './rows.js';

/** Data sets: what a run finds of them, what is none, and what becomes of one that goes. */

let launcher: Launcher;
let packs = '';
const IRIS = { name: 'iris', digest: digestOf('iris') };
const WORDS = { name: 'words', digest: digestOf('words') };
/** Nobody of this host: an ordinary user is whoever is not root. */
const USER = 48_123;

function plantAll(): void {
  const iris = plantData(packs, IRIS.digest, { 'iris.csv': '5.1,setosa\n', 'deep/open': 'open' });
  plantData(packs, WORDS.digest, { en: 'word\n' });
  // A tree that its owner has spoilt: what must not be there is no way out all the same.
  chmodSync(join(iris, 'deep', 'open'), 0o666);
  copyFileSync('/usr/bin/id', join(iris, 'deep', 'id'));
  chmodSync(join(iris, 'deep', 'id'), 0o4755);
  symlinkSync('/', join(iris, 'deep', 'absolute'));
  symlinkSync('../../../../../..', join(iris, 'deep', 'up'));
  symlinkSync(packs, join(iris, 'deep', 'host'));
}

beforeEach(async () => {
  const folder = newFolder();
  packs = join(folder, 'packs');
  plantAll();
  launcher = await startLauncher({ folder, flags: ['--packs', packs] });
});
afterEach(async () => {
  assert.deepEqual(await endLauncher(launcher), []);
});

const tree = (set: DataSet = IRIS): string => join(packs, 'trees', set.digest);

interface Asked {
  readonly data: readonly DataSet[];
  readonly on?: Launcher;
  readonly env?: Readonly<Record<string, string>>;
  readonly onOutput?: () => void;
}

async function run(code: string, asked: Asked): Promise<SandboxResult> {
  const { data, on = launcher, env = {}, onOutput = () => {} } = asked;
  const { signal } = new AbortController();
  return on.backend.run({ ...script(code), data, env }, { signal, onOutput });
}

function printed({ outcome, stdout, stderr }: SandboxResult): string {
  const said = `${JSON.stringify(outcome)} ${Buffer.from(stdout)} ${Buffer.from(stderr)}`;
  assert.deepEqual(outcome, { kind: 'exited', exitCode: 0 }, said);
  return Buffer.from(stdout).toString();
}

function refusedBy({ outcome }: SandboxResult): string {
  assert.ok(outcome.kind === 'setup-failed', JSON.stringify(outcome));
  return `${outcome.step} ${outcome.errno}`;
}

test('a run finds its sets by their names, and the next one nothing', async () => {
  const code = 'ls /data; cat /data/*/en /data/*/iris.csv; ls -A /data/words';
  const both = printed(await run(code, { data: [WORDS, IRIS] }));
  assert.equal(both, 'iris\nwords\nword\n5.1,setosa\nen\n');
  const renamed = { name: 'other', digest: WORDS.digest };
  assert.equal(printed(await run('cat /data/other/en', { data: [renamed] })), 'word\n');
  assert.equal(printed(await run('ls -A /data; echo end', { data: [] })), 'end\n');
});

test('in a pack as on the host’s root, and many at once, each with its own', async () => {
  const pack = digestOf('pack');
  plantTree(packs, pack, {});
  const { recipe, ...rest } = script('cat /data/words/en');
  const ofPack = { ...recipe, rootfs: pack, digest: digestOf('recipe') };
  const { signal } = new AbortController();
  const command = { ...rest, recipe: ofPack, data: [WORDS] };
  assert.equal(printed(await launcher.backend.run(command, { signal })), 'word\n');
  const sets = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? IRIS : WORDS));
  const ran = await Promise.all(sets.map((set) => run('cat /data/*/* 2>&1', { data: [set] })));
  for (const [at, each] of ran.entries()) {
    assert.match(Buffer.from(each.stdout).toString(), at % 2 === 0 ? /setosa/ : /^word$/m);
    assert.doesNotMatch(Buffer.from(each.stdout).toString(), at % 2 === 0 ? /word/ : /setosa/);
  }
});

for (const { id, title, code } of DATA_ATTACKS) {
  test(`${id}: ${title}`, async () => {
    const env = { HOST_PATHS: `${packs} ${tree()} /data/../${packs}` };
    const twin = '\ncat /data/iris/iris.csv';
    assert.equal(printed(await run(code + twin, { data: [IRIS], env })), '5.1,setosa\n');
    assert.ok(existsSync(join(tree(), 'data', 'iris.csv')));
  });
}

test('sixteen at once, and one more is refused', async () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ ...WORDS, name: `w${at}` }));
  assert.equal(printed(await run('cat /data/*/en | sort -u', { data: many(16) })), 'word\n');
  assert.equal(refusedBy(await run(':', { data: many(17) })), 'launch-request PROTOCOL');
});

const strangers: readonly (readonly [string, DataSet, string])[] = [
  ['another digest', { name: 'a', digest: digestOf('a') }, 'data ENOENT'],
  ['a path as digest', { name: 'a', digest: `../${'a'.repeat(61)}` }, 'launch-request PROTOCOL'],
  ['a path as name', { name: '../usr', digest: IRIS.digest }, 'launch-request PROTOCOL'],
  ['a name of nothing', { name: '', digest: IRIS.digest }, 'launch-request PROTOCOL'],
];
for (const [what, set, refusal] of strangers) {
  test(`${what} is no set: ${refusal}`, async () => {
    assert.equal(refusedBy(await run(':', { data: [IRIS, set] })), refusal);
    assert.equal(refusedBy(await run(':', { data: [set] })), refusal);
  });
}

test('a pack’s tree is no data set', async () => {
  const pack = { name: 'pack', digest: digestOf('pack') };
  plantTree(packs, pack.digest, { 'usr/share/demo': 'of the pack' });
  assert.equal(refusedBy(await run(':', { data: [pack] })), 'data ENOENT');
});

const spoilt: readonly (readonly [string, string, () => void])[] = [
  ['that belongs to somebody else', 'EPERM', () => chownSync(tree(), 65_534, 65_534)],
  ['that others may write to', 'EPERM', () => chmodSync(join(tree(), 'data'), 0o777)],
  ['that is a link', 'ELOOP', () => linkInstead(tree())],
  ['whose folder is a link', 'ELOOP', () => linkInstead(join(tree(), 'data'), '/etc')],
];
function linkInstead(path: string, target = `${path}.real`): void {
  renameSync(path, `${path}.real`);
  symlinkSync(target, path);
}
for (const [what, errno, spoil] of spoilt) {
  test(`a set ${what} is none: ${errno}`, async () => {
    printed(await run(':', { data: [IRIS] }));
    spoil();
    assert.equal(refusedBy(await run(':', { data: [IRIS] })), `data ${errno}`);
  });
}

test('a set that is renamed away and removed while a program reads it', async () => {
  const code = `exec 3< /data/iris/iris.csv; echo ready
    while [ -e /data/iris/iris.csv ]; do :; done; read -ru 3 it; echo $it`;
  let isGone = false;
  const onOutput = () => {
    if (isGone) return;
    isGone = true;
    renameSync(tree(), `${tree()}.gone`);
    rmSync(`${tree()}.gone`, { recursive: true, force: true });
  };
  assert.equal(printed(await run(code, { data: [IRIS], onOutput })), 'ready\n5.1,setosa\n');
  assert.equal(refusedBy(await run(':', { data: [IRIS] })), 'data ENOENT');
});

test('nothing of a set stays mounted when its run is over', async () => {
  for (let round = 0; round < 8; round += 1) printed(await run(':', { data: [IRIS, WORDS] }));
  const script = `grep -c '${packs}\\|data-s' /proc/${launcher.pid}/mountinfo || true`;
  assert.equal(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim(), '0');
});

test('a launcher without packs has no sets', async () => {
  const without = await startLauncher();
  assert.equal(refusedBy(await run(':', { data: [IRIS], on: without })), 'data ENOENT');
  assert.deepEqual(await endLauncher(without), []);
});

test('without root the sets of its own user serve, and nobody else’s', async () => {
  const folder = newFolder();
  [packs] = [join(folder, 'packs')];
  plantAll();
  execFileSync('chown', ['-R', `${USER}:${USER}`, folder]);
  execFileSync('chown', ['-R', '0:0', tree(WORDS)]);
  const flags = ['--packs', packs, '--floor', 'reduced'];
  const before = `exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --`;
  const on = await startLauncher({ folder, flags, before });
  const code = `{ echo x > /data/iris/x; } 2>/dev/null || cat /data/iris/iris.csv`;
  assert.equal(printed(await run(code, { data: [IRIS], on })), '5.1,setosa\n');
  assert.equal(refusedBy(await run(':', { data: [WORDS], on })), 'data EPERM');
  assert.deepEqual(await endLauncher(on), []);
});
