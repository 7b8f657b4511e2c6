import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, test } from 'vitest';
import {
  sandboxProcesses,
  startTestServer,
  type TestServer,
} from '../../scripts/test/test-server.mjs';
import { eventually, type Pids, readPids } from '../server-under-test.js';
import { type Ending, execute, startSleepers } from './executions.js';

const RUNNING = 8;
const ANSWER_MS_MAX = 2000;
const SLEEPER = { language: 'bash', code: 'sleep 30; echo slept' };
const HELLO = { language: 'bash', code: 'echo 42' };

let server: TestServer;

beforeAll(async () => {
  // All that runs is what these tests ask for: the first programs of the languages run beside it.
  const own = { GOZO_CONCURRENCY: String(RUNNING), GOZO_SMOKES: 'false' };
  server = await startTestServer(() => {}, own);
});

afterAll(async () => {
  assert.deepEqual(await server.stop(), []);
});

const pids = (): Pids => readPids(server.pidsFile);

test('a killed launcher: SANDBOX_UNAVAILABLE within 2 s, nothing left, then works', async () => {
  const endings = await startSleepers(server, RUNNING, SLEEPER);
  const killedMs = kill(pids().launcher);
  for (const ending of await Promise.all(endings)) {
    assertFailed(ending, 'SANDBOX_UNAVAILABLE');
    assert.ok(ending.atMs - killedMs < ANSWER_MS_MAX, `${ending.atMs - killedMs} ms`);
  }
  await nothingLeft(killedMs);
  await worksAgain();
});

test('a killed server: closed connections within 2 s, nothing left, then as before', async () => {
  const endings = await startSleepers(server, RUNNING, SLEEPER);
  const killedMs = kill(pids().server);
  for (const ending of await Promise.all(endings)) {
    assert.equal(ending.kind, 'closed');
    assert.ok(ending.atMs - killedMs < ANSWER_MS_MAX, `${ending.atMs - killedMs} ms`);
  }
  await nothingLeft(killedMs);
  await worksAgain();
});

test("a sandbox's killed PID 1: a defined outcome for its caller, the others run on", async () => {
  const code = 'sleep 3; echo slept';
  const endings = await startSleepers(server, RUNNING, { language: 'bash', code });
  const first = firstProcesses()[0];
  assert.ok(first !== undefined, 'no PID 1 found');
  const killedMs = kill(first);
  const all = await Promise.all(endings);
  const failed = all.filter((each) => each.kind === 'answer' && each.record.status !== 'ok');
  assert.equal(failed.length, 1, JSON.stringify(all));
  const [ending] = failed;
  assert.ok(ending !== undefined);
  assertFailed(ending, 'SANDBOX_UNAVAILABLE');
  assert.ok(ending.atMs - killedMs < ANSWER_MS_MAX, `${ending.atMs - killedMs} ms`);
  await worksAgain();
});

test('every killed PID 1 at once: a defined outcome for all within 2 s, nothing left', async () => {
  const endings = await startSleepers(server, RUNNING, SLEEPER);
  const firsts = firstProcesses();
  assert.equal(firsts.length, RUNNING);
  const killedMs = performance.now();
  for (const pid of firsts) kill(pid);
  for (const ending of await Promise.all(endings)) {
    assertFailed(ending, 'SANDBOX_UNAVAILABLE');
    assert.ok(ending.atMs - killedMs < ANSWER_MS_MAX, `${ending.atMs - killedMs} ms`);
  }
  await nothingLeft(killedMs);
  await worksAgain();
});

function kill(pid: number): number {
  process.kill(pid, 'SIGKILL');
  return performance.now();
}

function assertFailed(ending: Ending, error: string): void {
  assert.ok(ending.kind === 'answer', 'the connection was closed');
  assert.equal(ending.record.status, 'failed', JSON.stringify(ending.record));
  assert.equal(ending.record.error, error);
}

async function nothingLeft(sinceMs: number): Promise<void> {
  const restMs = ANSWER_MS_MAX - (performance.now() - sinceMs);
  await eventually('no sandbox process', Math.max(0, restMs), () => {
    return sandboxProcesses(server.uidBase).length === 0 || undefined;
  }).catch(() => {
    const left = sandboxProcesses(server.uidBase).map(statusOf);
    assert.equal(left.join('\n'), '', 'left in sandboxes');
  });
}

async function worksAgain(): Promise<void> {
  const ending = await eventually('an answer', 5000, async () => {
    const each = await execute(server.url, HELLO);
    return each.kind === 'closed' ? undefined : each; // The server may still be starting.
  });
  assert.ok(ending.kind === 'answer');
  assert.equal(ending.record.status, 'ok', JSON.stringify(ending.record));
  assert.equal(ending.record.stdout, '42\n');
}

/** Host pids of each running sandbox's PID 1: children of the launcher that are 1 in theirs. */
function firstProcesses(): readonly number[] {
  const { launcher } = pids();
  return sandboxProcesses(server.uidBase).filter((pid) => {
    const status = statusOf(pid);
    const isChild = new RegExp(`^PPid:\\t${launcher}$`, 'm').test(status);
    return isChild && /^NSpid:\t\d+\t1$/m.test(status);
  });
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // Ended since the folder was read.
  }
}
