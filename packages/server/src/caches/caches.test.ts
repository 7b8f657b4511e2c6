import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
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
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Outcome } from '@gozolite/contract/outcome';
import { memoryBackend, type Script } from '@gozolite/engine/testing/memory-backend';
import { demoLanguage } from '@gozolite/languages/demo-language';
import { createLogger } from '@gozolite/telemetry/logger';
import { afterEach, beforeEach, test } from 'vitest';
import { createCaches } from './caches.js';

/** What is kept of a folder of caches; the sandbox is a double, tar(1) and the disk are not. */
let folder = '';
let tool = '';
let archive: Buffer = Buffer.alloc(0);
const CACHE = { command: ['/usr/bin/sh', '-c', '{script}', '{tool}'], script: 'build {tool}' };
const language = demoLanguage({ cache: CACHE });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caches-'));
  tool = join(folder, 'tool');
  writeFileSync(tool, 'one');
  const made = join(folder, 'made');
  mkdirSync(join(made, 'lib'), { recursive: true });
  writeFileSync(join(made, 'lib', 'std'), 'compiled');
  archive = spawnSync('tar', ['-cz', '-C', made, '.']).stdout;
  mkdirSync(join(folder, 'caches'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Prints the archive in two pieces, as a sandbox would. */
const prints: Script = async (_command, { onOutput }) => {
  const middle = Math.floor(archive.length / 2);
  for (const bytes of [archive.subarray(0, middle), archive.subarray(middle)]) {
    onOutput?.({ stream: 'stdout', timeUs: 1, bytes });
  }
  return {};
};

function open(script: Script) {
  const backend = memoryBackend(script);
  const log = createLogger({ level: 'silent', to: 'stdout' });
  const policy = limitPolicyFor(2, 8 * 1024 * 1024);
  const caches = createCaches({ folder: join(folder, 'caches'), backend, policy, log });
  const source = () => ({ language, toolchain: { version: '3.2.1', paths: { tool } } });
  const ask = () => caches.of(CACHE, source()).replace('/var/cache/gozolite/', '');
  return { backend, caches, ask, there: () => readdirSync(join(folder, 'caches')) };
}

test('what the command leaves is there whole and readable, and is not made again', async () => {
  const { backend, caches, ask, there } = open(prints);
  const name = ask();
  assert.match(name, /^demo-[0-9a-f]{16}$/);
  assert.deepEqual(there(), []);
  await caches.makeMissing();
  assert.deepEqual(there(), [name]);
  const file = join(folder, 'caches', name, 'lib', 'std');
  assert.equal(readFileSync(file, 'utf8'), 'compiled');
  assert.equal(statSync(join(folder, 'caches', name)).mode & 0o005, 0o005);
  const [command] = backend.commands;
  assert.deepEqual(command?.recipe.command.slice(-4), ['/usr/bin/sh', '-c', `build {tool}`, tool]);
  assert.equal(command?.limits.cpus, 1);
  assert.equal(ask(), name);
  await caches.makeMissing();
  assert.equal(backend.commands.length, 1);
});

test('another toolchain has another cache, and the next start removes the old one', async () => {
  const first = open(prints);
  const old = first.ask();
  await first.caches.makeMissing();
  writeFileSync(tool, 'another');
  mkdirSync(join(folder, 'caches', `.new-${old}`));
  mkdirSync(join(folder, 'caches', 'other-0123456789abcdef'));
  const { caches, ask, there } = open(prints);
  const name = ask();
  assert.notEqual(name, old);
  await caches.makeMissing();
  assert.deepEqual(there().sort(), [name, 'other-0123456789abcdef']);
});

const failures: readonly (readonly [string, Script])[] = [
  ['a command that fails', async () => ({ outcome: { kind: 'exited', exitCode: 2 } })],
  [
    'one that meets a limit',
    async (...given) => ({
      ...(await prints(...given)),
      outcome: { kind: 'limit-exceeded', limit: 'disk_kb', exitCode: null, signal: null },
    }),
  ],
  [
    'half an archive',
    async (_command, { onOutput }) => {
      onOutput?.({ stream: 'stdout', timeUs: 1, bytes: archive.subarray(0, 100) });
      return {};
    },
  ],
];
for (const [what, script] of failures) {
  test(`${what} leaves nothing, and is not tried again`, async () => {
    const { backend, caches, ask, there } = open(script);
    ask();
    await caches.makeMissing();
    await caches.makeMissing();
    assert.deepEqual(there(), []);
    assert.equal(backend.commands.length, 1);
  });
}

const pauses: readonly (readonly [string, Outcome])[] = [
  ['no launcher answers', { kind: 'launcher-lost', reason: 'gone' }],
  ['the launcher is busy', { kind: 'setup-failed', step: 'launch-request', errno: 'BUSY' }],
];
for (const [why, outcome] of pauses) {
  test(`where ${why} it is tried again`, async () => {
    const { backend, caches, ask } = open(async () => ({ outcome }));
    ask();
    await caches.makeMissing();
    await caches.makeMissing();
    assert.equal(backend.commands.length, 2);
  });
}

test('who ends ends what is being made, and nothing of it stays', async () => {
  const { caches, ask, there } = open(
    (_command, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ outcome: { kind: 'cancelled' } }));
      }),
  );
  ask();
  const making = caches.makeMissing();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(there().length, 1);
  await caches[Symbol.asyncDispose]();
  await making;
  assert.deepEqual(there(), []);
});

test('a folder that is not there is no fault', async () => {
  const { backend, caches, ask } = open(prints);
  rmSync(join(folder, 'caches'), { recursive: true });
  ask();
  await caches.makeMissing();
  assert.equal(backend.commands.length, 0);
  assert.equal(existsSync(join(folder, 'caches')), false);
});
