import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxResult } from '@gozolite/sandbox/backend';
import { afterEach, beforeEach, test } from 'vitest';
import { digestOf, plantTree } from '../planted-packs.js';
import { endLauncher, type Launcher, newFolder, script, startLauncher } from './launcher.js';

/** Roots of packs: what is one, what is none, and what becomes of one that is taken away. */

let launcher: Launcher;
let packs = '';
const DEMO = digestOf('demo');
const OTHER = digestOf('other');
/** Nobody of this host: an ordinary user is whoever is not root. */
const USER = 48_123;
const texts = { 'usr/share/demo': 'of the pack', 'etc/demo.conf': 'its own', 'etc/passwd': 'no' };

beforeEach(async () => {
  const folder = newFolder();
  packs = join(folder, 'packs');
  plantTree(packs, DEMO, texts);
  launcher = await startLauncher({ folder, flags: ['--packs', packs] });
});
afterEach(async () => {
  assert.deepEqual(await endLauncher(launcher), []);
});

const tree = (digest = DEMO): string => join(packs, 'trees', digest);

/** Bash of a pack, or of the host; by hand, so that every name can be tried. */
async function run(
  rootfs: string,
  code: string,
  on: Launcher = launcher,
  onOutput: () => void = () => {},
): Promise<SandboxResult> {
  const command = script(code, { open_files: 256 });
  const recipe = { ...command.recipe, rootfs, digest: digestOf(`recipe of ${rootfs}`) };
  const { signal } = new AbortController();
  return on.backend.run({ ...command, recipe }, { signal, onOutput });
}

function printed({ outcome, stdout, stderr }: SandboxResult): string {
  const said = `${JSON.stringify(outcome)} ${Buffer.from(stderr)}`;
  assert.deepEqual(outcome, { kind: 'exited', exitCode: 0 }, said);
  return Buffer.from(stdout).toString();
}

/** The root could not be had, and why; nothing ran. */
function refusedBy({ outcome }: SandboxResult): string {
  assert.ok(outcome.kind === 'setup-failed', JSON.stringify(outcome));
  return outcome.errno;
}

test('a program finds the pack and nothing of the host', async () => {
  const code = 'cat /usr/share/demo /etc/demo.conf; echo; ls -1 / | cat; ls /usr; ls /usr/share';
  const lines = printed(await run(DEMO, code)).split('\n');
  const top = ['bin', 'data', 'dev', 'etc', 'lib', 'lib64', 'proc', 'tmp', 'usr', 'work'];
  assert.deepEqual(lines, [
    'of the packits own',
    ...top,
    'bin',
    'lib',
    'lib64',
    'share',
    'demo',
    '',
  ]);
  const passwd = printed(await run(DEMO, 'cat /etc/passwd; ls /etc'));
  assert.match(passwd, /^root:x:0:0:/);
  assert.doesNotMatch(passwd, /alternatives|ld\.so\.cache|^no$/m);
});

test('nothing of it can be written to', async () => {
  const code = `for i in /x /usr/x /usr/bin/x /etc/x /dev/x; do echo > $i && echo $i; done; true`;
  assert.equal(printed(await run(DEMO, code)), '');
});

test('two packs and the host run beside each other, each with its own', async () => {
  plantTree(packs, OTHER, { 'usr/share/demo': 'of another' });
  for (let round = 0; round < 6; round += 1) {
    const code = 'cat /usr/share/demo 2>/dev/null || echo host';
    const ran = await Promise.all([DEMO, 'host', OTHER].map((rootfs) => run(rootfs, code)));
    assert.deepEqual(ran.map(printed), ['of the pack', 'host\n', 'of another']);
  }
});

test('sandboxes are made ahead for the pack that was asked for last', async () => {
  for (let round = 0; ; round += 1) {
    if ((await run(DEMO, ':')).prepared) break;
    assert.ok(round < 200, 'none was ever prepared');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

const strangers: readonly (readonly [string, string])[] = [
  ['another pack', OTHER],
  ['a path', `trees/${DEMO}`],
  ['a way up', `../trees/${DEMO}`],
  ['..', '..'],
  ['nothing', ''],
  ['capital letters', DEMO.toUpperCase()],
];
for (const [what, rootfs] of strangers) {
  test(`${what} is no root`, async () => {
    const errno = refusedBy(await run(rootfs, ':'));
    assert.equal(errno, what === 'another pack' ? 'ENOENT' : 'RECIPE');
  });
}

const spoilt: readonly (readonly [string, string, () => void])[] = [
  ['that belongs to somebody else', 'EPERM', () => chownSync(tree(), 65_534, 65_534)],
  ['whose usr belongs to somebody else', 'EPERM', () => chownSync(join(tree(), 'usr'), 1, 1)],
  ['that others may write to', 'EPERM', () => chmodSync(tree(), 0o777)],
  ['whose usr a group may write to', 'EPERM', () => chmodSync(join(tree(), 'usr'), 0o775)],
  ['without usr', 'ENOENT', () => rmSync(join(tree(), 'usr'), { recursive: true })],
  ['that is a link', 'ELOOP', () => linkInstead(tree())],
  ['whose usr is a link', 'ELOOP', () => linkInstead(join(tree(), 'usr'))],
  ['whose usr is the host’s by a link', 'ELOOP', () => linkInstead(join(tree(), 'usr'), '/usr')],
  ['in a folder that is a link', 'ELOOP', () => linkInstead(join(packs, 'trees'))],
];
function linkInstead(path: string, target = `${path}.real`): void {
  renameSync(path, `${path}.real`);
  symlinkSync(target, path);
}
for (const [what, errno, spoil] of spoilt) {
  test(`a tree ${what} is no root: ${errno}`, async () => {
    spoil();
    assert.equal(refusedBy(await run(DEMO, ':')), errno);
  });
  test(`a tree ${what} is none any more once it has served`, async () => {
    printed(await run(DEMO, ':'));
    spoil();
    assert.equal(refusedBy(await run(DEMO, ':')), errno);
  });
}

test('a tree that is removed while a program runs takes nothing of it but its names', async () => {
  const code = `exec 3< /usr/share/demo; echo ready
    while [ -e /usr/share/demo ]; do :; done; read -ru 3 it; echo $it`;
  const ended = run(DEMO, code, launcher, () => rmSync(tree(), { recursive: true, force: true }));
  assert.equal(printed(await ended), 'ready\nof the pack\n');
  assert.equal(refusedBy(await run(DEMO, ':')), 'ENOENT');
  assert.equal(printed(await run('host', 'echo 42')), '42\n');
});

test('a tree that is put in place anew serves as it is now', async () => {
  assert.equal(printed(await run(DEMO, 'cat /usr/share/demo')), 'of the pack');
  rmSync(tree(), { recursive: true });
  plantTree(packs, DEMO, { 'usr/share/demo': 'anew' });
  assert.equal(printed(await run(DEMO, 'cat /usr/share/demo')), 'anew');
});

test('more packs than stay built are served all the same', async () => {
  const digests = Array.from({ length: 30 }, (_, at) => digestOf(`many ${at}`));
  for (const digest of digests) {
    mkdirSync(tree(digest), { recursive: true });
    renameSync(join(tree(), 'usr'), join(tree(digest), 'usr'));
    assert.equal(printed(await run(digest, 'cat /usr/share/demo')), 'of the pack');
    renameSync(join(tree(digest), 'usr'), join(tree(), 'usr'));
  }
  assert.equal(printed(await run('host', 'echo 42')), '42\n');
});

test('a launcher without packs serves the host’s root alone', async () => {
  const without = await startLauncher();
  assert.equal(refusedBy(await run(DEMO, ':', without)), 'RECIPE');
  assert.equal(printed(await run('host', 'echo 42', without)), '42\n');
  assert.deepEqual(await endLauncher(without), []);
});

test('the launcher says what it serves, and why it does not', async () => {
  const finding = async () => {
    const { findings } = await launcher.backend.diagnose();
    return findings.find(({ id }) => id === 'packs');
  };
  assert.equal((await finding())?.state, 'present');
  chmodSync(packs, 0o777);
  const warned = await finding();
  assert.equal(warned?.state, 'warning');
  assert.match(warned?.remedy ?? '', /writable/);
});

test('without root the trees of its own user serve, and nobody else’s', async () => {
  const folder = newFolder();
  const own = join(folder, 'packs');
  for (const digest of [DEMO, OTHER]) plantTree(own, digest, texts);
  execFileSync('chown', ['-R', `${USER}:${USER}`, folder]);
  execFileSync('chown', ['-R', '0:0', join(own, 'trees', OTHER)]);
  const flags = ['--packs', own, '--floor', 'reduced'];
  const before = `exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --`;
  const reduced = await startLauncher({ folder, flags, before });
  assert.equal(printed(await run(DEMO, 'cat /usr/share/demo', reduced)), 'of the pack');
  assert.match(printed(await run(DEMO, 'ls /usr', reduced)), /^bin\nlib\nlib64\nshare\n$/);
  assert.equal(refusedBy(await run(OTHER, ':', reduced)), 'EPERM');
  assert.deepEqual(await endLauncher(reduced), []);
});
