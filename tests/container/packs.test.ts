import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxCommand } from '@gozolite/sandbox/backend';
import { afterAll, expect, test } from 'vitest';
import { digestOf, plantData, plantTree } from '../planted-packs.js';
import { program } from './commands.js';
import { ownBackend } from './world.js';

/** Packs and data sets in containers: trees of the server's folder, bound by the engine. */
const packs = mkdtempSync(join(tmpdir(), 'gozo-packs-'));
chmodSync(packs, 0o755);
const PACK = digestOf('pack');
const IRIS = { name: 'iris', digest: digestOf('iris') };
plantTree(packs, PACK, { 'usr/share/demo': 'of the pack\n', 'etc/demo.conf': 'its own\n' });
plantData(packs, IRIS.digest, { 'iris.csv': '5.1,setosa\n' });
const own = ownBackend({ packs });
const never = new AbortController().signal;

afterAll(async () => {
  await own[Symbol.asyncDispose]();
  rmSync(packs, { recursive: true });
});

async function run(rootfs: string, code: string, more: Partial<SandboxCommand> = {}) {
  const command = program(['/usr/bin/bash', '-c', code], more);
  const recipe = { ...command.recipe, rootfs };
  const { outcome, stdout, stderr } = await own.backend.run(
    { ...command, recipe },
    { signal: never },
  );
  return { outcome, said: `${Buffer.from(stdout)}${Buffer.from(stderr)}` };
}

test('a program finds the pack, its configuration, and nothing of the host', async () => {
  const code = `cat /usr/share/demo /etc/demo.conf; id -un; ls /usr/share
    for path in /usr/bin/python3 /usr/share/doc /data/*; do [ -e $path ] && echo reached $path; done
    { echo x > /usr/x || echo x > /etc/demo.conf; } 2>/dev/null || echo read-only`;
  const { outcome, said } = await run(PACK, code);
  expect(said).toBe('of the pack\nits own\nsandbox\ndemo\nread-only\n');
  expect(outcome).toEqual({ kind: 'exited', exitCode: 0 });
});

test('a data set is there, read-only, in a pack and in the root of the image', async () => {
  const code = `cat /data/iris/iris.csv; ls /data
    { echo x > /data/iris/x || echo x > /data/x; } 2>/dev/null || echo read-only`;
  for (const rootfs of [PACK, 'host']) {
    const { said } = await run(rootfs, code, { data: [IRIS] });
    expect(said, rootfs).toBe('5.1,setosa\niris\nread-only\n');
  }
});

test('what is not there is the step that failed, and nothing runs', async () => {
  const gone = digestOf('gone');
  const { outcome } = await run(gone, 'echo');
  expect(outcome).toEqual({ kind: 'setup-failed', step: 'rootfs', errno: 'ENOENT' });
  const without = await run(PACK, 'echo', { data: [{ name: 'x', digest: gone }] });
  expect(without.outcome).toEqual({ kind: 'setup-failed', step: 'data', errno: 'ENOENT' });
});
