import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { startTestServer, type TestServer } from '../../scripts/test/test-server.mjs';
import { eventually, readPids } from '../server-under-test.js';
import { execute } from './executions.js';

const HELLO = { language: 'bash', code: 'echo 42' };

let server: TestServer;
let disk: string;

/** A server whose whole state lies on a small disk of its own. */
beforeAll(async () => {
  disk = mkdtempSync(join(tmpdir(), 'gozo-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m,mode=755', 'gozo-disk', disk]);
  const usual = process.env.TMPDIR;
  process.env.TMPDIR = disk;
  try {
    server = await startTestServer(() => {});
  } finally {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  }
});

afterAll(async () => {
  assert.deepEqual(await server.stop(), []);
  execFileSync('umount', [disk]);
  rmdirSync(disk);
});

test('a full disk: programs run as before, and a launcher that dies comes back', async () => {
  const filler = join(disk, 'filler');
  const chunk = Buffer.alloc(1024 * 1024);
  assert.throws(() => {
    for (let at = 0; at < 1000; at += 1) writeFileSync(filler, chunk, { flag: 'a' });
  }, /ENOSPC/);
  await answers();
  process.kill(readPids(server.pidsFile).launcher, 'SIGKILL');
  await answers();
  rmSync(filler);
  await answers();
  await eventually('the dead are reaped', 20_000, () => zombies() === 0 || undefined);
});

async function answers(): Promise<void> {
  const last = { said: '' };
  await eventually('42', 20_000, async () => {
    const ending = await execute(server.url, HELLO);
    last.said = ending.kind === 'closed' ? 'closed' : JSON.stringify(ending.record);
    return (ending.kind === 'answer' && ending.record.stdout === '42\n') || undefined;
  }).catch(() => assert.fail(last.said));
}

/** Whoever a killed launcher leaves dead is for the host's process 1 to reap, at its pace. */
function zombies(): number {
  return readdirSync('/proc').filter((name) => {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1);
      const isOurs = uid >= server.uidBase && uid < server.uidBase + 1024;
      return isOurs && /^State:\s+Z/m.test(status);
    } catch {
      return false; // No process, or it ended meanwhile.
    }
  }).length;
}
