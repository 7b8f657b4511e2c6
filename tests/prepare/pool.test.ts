import assert from 'node:assert/strict';
import type { Diagnostics } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import type { PoolRecipe } from '@gozolite/contract/pool/pool';
import type { Problem } from '@gozolite/contract/refusal';
import { afterAll, beforeAll, test } from 'vitest';
import { get } from '../integration/client.js';
import { type OwnServer, startOwnServer } from '../integration/own-server.js';
import { eventually, serverUnderTest } from '../server-under-test.js';

/** What waits for requests, by what the server counts: of kinds that nothing else here asks for. */

const BOOTED_MS_MAX = 150_000;

async function post(url: string, body: object): Promise<Response> {
  return fetch(new URL('/execute', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function run(url: string, name: string): Promise<boolean> {
  const files = [{ path: name, content: 'print(42)' }];
  const execution: Execution = JSON.parse(
    await (await post(url, { language: 'python', files })).text(),
  );
  assert.equal(execution.stdout, '42\n');
  return execution.prepared;
}

async function python(url: string): Promise<PoolRecipe> {
  const { pool } = await get<Diagnostics>('/diagnostics', url);
  const row = pool?.recipes.find(({ language }) => language === 'python');
  assert.ok(row, JSON.stringify(pool));
  return row;
}

const ready = (url: string, count: number) =>
  eventually(`${count} that wait`, BOOTED_MS_MAX, async () => {
    const row = await python(url);
    return row.ready === count ? row : undefined;
  });

let server: OwnServer;
beforeAll(async () => {
  const three = { GOZO_POOL_FLOOR: '3', GOZO_POOL_CEILING: '3' };
  server = await startOwnServer({ ...three, GOZO_CONCURRENCY: '8' });
});
afterAll(() => server[Symbol.asyncDispose]());

test('the first is a miss, has the next one booted, and both are counted', async () => {
  assert.equal(await run(server.url, 'counted.py'), false);
  const row = await ready(server.url, 3);
  assert.deepEqual([row.wanted, row.hits, row.misses], [3, 0, 1]);
  assert.ok(row.memory_kb > 1024, `${row.memory_kb} KiB`);
  assert.equal(await run(server.url, 'counted.py'), true);
  const { hits, misses } = await python(server.url);
  assert.deepEqual([hits, misses], [1, 1]);
});

test('as many as wait are found at once by a burst, and each is counted as it was', async () => {
  const before = await python(server.url);
  const burst = (count: number) =>
    Promise.all(Array.from({ length: count }, () => run(server.url, 'burst.py')));
  // Nothing waits for the first; the last of them may find what the first one had booted.
  const cold = await burst(5);
  assert.equal(cold.includes(false), true);
  await ready(server.url, 6);
  assert.deepEqual(await burst(3), [true, true, true]);
  const { hits, misses } = await python(server.url);
  const missed = cold.filter((isPrepared) => !isPrepared).length;
  assert.deepEqual([hits - before.hits, misses - before.misses], [8 - missed, missed]);
});

test('a server that is killed leaves nothing waiting; one without memory has none', async () => {
  await run(server.url, 'killed.py');
  await ready(server.url, 9);
  await server[Symbol.asyncDispose]();
  await using next = await startOwnServer({ GOZO_POOL_MEMORY_MB: '0' });
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await run(next.url, 'killed.py'), false);
    const { wanted, ready: there } = await python(next.url);
    assert.deepEqual([wanted, there], [0, 0]);
  }
});

test('memory below what Python itself takes here is refused with that figure', async () => {
  const { url } = serverUnderTest();
  const request = { language: 'python', code: 'print(42)', limits: { memory_kb: 1024 } };
  const problem = await eventually('its first program has ended', BOOTED_MS_MAX, async () => {
    const response = await post(url, request);
    const answer: Problem = JSON.parse(await response.text());
    return response.status === 422 ? answer : undefined;
  });
  const [fault] = problem.errors ?? [];
  assert.deepEqual([problem.code, fault?.pointer], ['LIMIT_TOO_LOW', '/limits/memory_kb']);
  const figure = Number(/the (\d+) KiB that the runtime/.exec(fault?.detail ?? '')?.[1]);
  const enough = await post(url, { ...request, limits: { memory_kb: figure + 2048 } });
  const execution: Execution = JSON.parse(await enough.text());
  assert.deepEqual([execution.status, execution.stdout], ['ok', '42\n']);
});
