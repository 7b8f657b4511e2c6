import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { BUILD } from './own-server.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-doctor-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function doctor(args: readonly string[], home = BUILD) {
  const ran = spawnSync(process.execPath, [join(home, 'gozo.mjs'), 'doctor', ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, NO_COLOR: '1' },
    encoding: 'utf8',
  });
  return { exitCode: ran.status, lines: ran.stdout.trim().split('\n'), stderr: ran.stderr };
}

const IDS = ['kernel-symbols', 'netlink-generic', 'setuid-program', 'walk-away'];

test('doctor --attack tells of each attack, writes the report, and exits 0 where all held', () => {
  const only = IDS.flatMap((id) => ['--only', id]);
  const ran = doctor(['--attack', ...only, '--json', 'report.json', '--html', 'report.html']);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.equal(ran.lines.at(-1), '3 contained, 0 not contained, 1 not applicable (1 no-bait)');
  assert.match(ran.stderr, /^1\/4 kernel-symbols: contained \(\d+ ms\)$/m);
  assert.match(ran.stderr, /^3\/4 setuid-program: not applicable \(no-bait\)$/m);
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  assert.deepEqual(
    report.attacks.map(({ id }: { id: string }) => id),
    IDS,
  );
  assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /Every attack was contained/);
});

test('an attack on a running launcher, the report as JSON in the place of the table', () => {
  const socket = process.env.GOZO_TEST_SOCKET ?? '';
  const ran = doctor(['--attack', '--only', 'add-key', '--socket', socket, '--json']);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.equal(JSON.parse(ran.lines.join('\n')).counts.contained, 1);
  assert.match(ran.stderr, /1 contained, 0 not contained, 0 not applicable\n$/);
});

test('where no launcher answers there is no verdict: exit code 69, and why', () => {
  const ran = doctor(['--attack', '--only', 'add-key', '--socket', join(folder, 'none.sock')]);
  assert.equal(ran.exitCode, 69);
  assert.match(ran.stderr, /none\.sock/);
});

test('an unknown attack is wrong usage', () => {
  const ran = doctor(['--attack', '--only', 'nothing']);
  assert.equal(ran.exitCode, 64);
  assert.match(ran.stderr, /there is no attack nothing/);
});

test('outside of a clone --prove says plainly that it needs one', () => {
  cpSync(join(BUILD, 'gozo.mjs'), join(folder, 'gozo.mjs'));
  cpSync(join(BUILD, 'server.mjs'), join(folder, 'server.mjs'));
  const ran = doctor(['--prove'], folder);
  assert.equal(ran.exitCode, 64);
  assert.match(ran.stderr, /--prove needs a clone of the repository/);
});
