import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Execution } from '@gozolite/contract/execution';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { type Answer, expectStatus, load, post, testUrl } from './client.js';
import { type OwnServer, startOwnServer } from './own-server.js';

const HEALTH_MS_MAX = 100;
/** A wave has fewer than a hundred answers of /healthz: its p99 is one moment of this machine. */
const HEALTH_ROUNDS = 4;

/** Asks by a process of its own: this one is busy with hundreds of answers. */
const PROBE = `
const tookMs = [[], []];
process.stdin.on('end', () => {
  console.log(JSON.stringify(tookMs));
  process.exit();
});
process.stdin.resume();
for (;;) {
  for (const [at, url] of process.argv.slice(1).entries()) {
    const startedMs = performance.now();
    const { status } = await fetch(url);
    if (status !== 200) process.exit(1);
    tookMs[at].push(performance.now() - startedMs);
  }
  if (tookMs[0].length === 1) console.error('asking');
  await new Promise((resolve) => setTimeout(resolve, 20));
}`;

/** A server that has nothing else to do: how long it takes is this machine's doing. */
const IDLE = `
const server = require('node:http').createServer((_, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;

/** @returns what `work` gives, and how much longer than an idle server /healthz took, at p99. */
async function whileHealthIsAsked<T>(
  url: string,
  work: () => Promise<T>,
): Promise<{ result: T; slowerMs: number }> {
  const idle = spawn(process.execPath, ['-e', IDLE]);
  const [port] = await once(idle.stdout, 'data');
  const asked = [`${url}/healthz`, `http://127.0.0.1:${String(port).trim()}/`];
  const probe = spawn(process.execPath, ['--input-type=module', '-e', PROBE, ...asked]);
  let printed = '';
  probe.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8');
  });
  const closed = once(probe, 'close');
  await once(probe.stderr, 'data');
  const result = await work();
  probe.stdin.end();
  await closed;
  idle.kill();
  const [healthMs, idleMs]: [number[], number[]] = JSON.parse(printed);
  assert.ok(healthMs.length > 10, `asked ${healthMs.length} times only`);
  return { result, slowerMs: p99(healthMs.slice(1)) - p99(idleMs.slice(1)) };
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}

function times<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make));
}

describe('with the default settings', () => {
  test('200 at once end ok or 503 within the longest wait; health answers', async () => {
    let leastMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < HEALTH_ROUNDS && leastMs >= HEALTH_MS_MAX; round += 1) {
      const startedMs = performance.now();
      const { result: answers, slowerMs } = await whileHealthIsAsked(testUrl(), () =>
        times(200, () => post({ language: 'bash', code: 'echo x' })),
      );
      const tookMs = performance.now() - startedMs;
      for (const { status, body } of answers) {
        assert.ok(status === 503 || (body as Execution).status === 'ok', JSON.stringify(body));
      }
      assert.ok(answers.some(({ status }) => status === 200));
      assert.ok(tookMs < 12_000, `${Math.round(tookMs)} ms`);
      leastMs = Math.min(leastMs, slowerMs);
    }
    assert.ok(leastMs < HEALTH_MS_MAX, `/healthz took ${Math.round(leastMs)} ms longer`);
  });
});

describe('with a concurrency of 200', () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await startOwnServer({ GOZO_CONCURRENCY: '200' });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('200 sleeping programs of 32 MiB truly run at once, and all end ok', async () => {
    const code = 'import time; x = b"a" * (32 << 20); time.sleep(15)';
    const limits = { wall_time_ms: 60_000, memory_kb: 65_536 };
    const request = { language: 'python', code, limits };
    const all = times(200, () => post(request, {}, server.url));
    await eventually('200 running', 30_000, async () =>
      (await load(server.url)).running === 200 ? true : undefined,
    );
    const { result, slowerMs } = await whileHealthIsAsked(server.url, () => all);
    const executions = result.map(({ body }) => body as Execution);
    for (const execution of executions) expectStatus(execution, 'ok');
    for (const { memory_kb: kb } of executions) assert.ok(kb > 32 * 1024, `${kb} KiB`);
    assert.ok(slowerMs < HEALTH_MS_MAX, `/healthz took ${Math.round(slowerMs)} ms longer`);
  });

  test('time limits of 200 sleepers hold to within 50 ms + 5 %', async () => {
    const limits = { wall_time_ms: 5000 };
    const request = { language: 'bash', code: 'sleep 60', limits };
    const answers = await times(200, () => post(request, {}, server.url));
    for (const { body } of answers) {
      const execution = body as Execution;
      expectStatus(execution, 'time_limit_exceeded');
      const tookMs = execution.time_ms;
      assert.ok(tookMs >= 5000 && tookMs <= 5000 * 1.05 + 50, `${tookMs} ms`);
    }
  });
});

describe('with one slot, two places in the queue and half a second to wait', () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await startOwnServer({
      GOZO_CONCURRENCY: '1',
      GOZO_QUEUE: '2',
      GOZO_QUEUE_WAIT_MS: '500',
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('what has no place is refused at once, what waits too long has a record', async () => {
    const startedMs = performance.now();
    const request = { language: 'bash', code: 'sleep 2' };
    const timed = async (): Promise<Answer & { tookMs: number }> => {
      const answer = await post(request, {}, server.url);
      return { ...answer, tookMs: performance.now() - startedMs };
    };
    const answers = await times(10, timed);
    const refused = answers.filter(({ body }) => (body as { code?: string }).code === 'OVERLOADED');
    assert.equal(refused.length, 7);
    for (const { status, headers, tookMs } of refused) {
      assert.equal(status, 503);
      assert.match(headers.get('content-type') ?? '', /problem\+json/);
      assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      assert.ok(tookMs < 450, `the refusal took ${Math.round(tookMs)} ms`);
    }
    const records = answers.filter(({ body }) => 'id' in (body as object));
    const late = records.filter(({ status }) => status === 503);
    assert.equal(late.length, 2);
    for (const { body, headers } of late) {
      const execution = body as Execution;
      expectStatus(execution, 'failed');
      assert.equal(execution.error, 'OVERLOADED');
      assert.ok(headers.has('retry-after'));
      assert.ok(execution.timings.queue_ms >= 490 && execution.timings.queue_ms < 800);
    }
    assert.equal(records.filter(({ status }) => status === 200).length, 1);
  });
});

describe('with one slot and two places in the queue', () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await startOwnServer({ GOZO_CONCURRENCY: '1', GOZO_QUEUE: '2' });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('a client that leaves the queue gives its place to another', async () => {
    const hold = post({ language: 'bash', code: 'sleep 0.4' }, {}, server.url);
    await eventually('it to run', 2000, async () =>
      (await load(server.url)).running === 1 ? true : undefined,
    );
    const abort = new AbortController();
    const request = { language: 'bash', code: 'echo late' };
    const waiting = times(2, () =>
      post(request, { signal: abort.signal }, server.url).catch(() => 'left'),
    );
    await eventually('both to wait', 2000, async () =>
      (await load(server.url)).queued === 2 ? true : undefined,
    );
    abort.abort();
    await eventually('both gone', 2000, async () =>
      (await load(server.url)).queued === 0 ? true : undefined,
    );
    assert.deepEqual(await waiting, ['left', 'left']);
    assert.equal((await post(request, {}, server.url)).status, 200);
    await hold;
  });
});
