import assert from 'node:assert/strict';
import type { KeptExecution } from '@gozolite/contract/kept/kept';
import { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { type OwnServer, startOwnServer } from './own-server.js';

const MEMORY_MB = 512;
const MEMORY_KB = MEMORY_MB * 1024;
const SLEEPING = { language: 'bash', code: 'sleep 50', limits: { wall_time_ms: 60_000 } };
const LARGE = { ...SLEEPING, limits: { ...SLEEPING.limits, memory_kb: MEMORY_KB } };

let server: OwnServer | undefined;
let gozo: Gozo;
beforeAll(async () => {
  const env = { GOZO_CONCURRENCY: '4', GOZO_RESERVABLE_MEMORY_MB: String(MEMORY_MB) };
  server = await startOwnServer(env);
  gozo = new Gozo({ url: server.url });
});
afterAll(() => server?.[Symbol.asyncDispose]());

async function seen(all: readonly KeptExecution[]): Promise<string> {
  const now = await Promise.all(all.map(({ id }) => gozo.execution(id)));
  return now.map(({ state, position }) => `${state} ${position ?? ''}`.trim()).join(', ');
}

test('four slots, and memory for one: who is next waits, and nobody passes it', async () => {
  const all: KeptExecution[] = [];
  for (const request of [LARGE, LARGE, SLEEPING]) all.push(await gozo.submit(request));
  await eventually('one runs and two wait', 30_000, async () => {
    return (await seen(all)) === 'running, queued 1, queued 2' ? true : undefined;
  });
  const { load, reserved } = await gozo.diagnostics();
  assert.deepEqual([load.running, load.queued], [1, 2]);
  assert.deepEqual([reserved.memory_kb, reserved.memory_kb_max], [MEMORY_KB, MEMORY_KB]);
  const metrics = await (await fetch(`${server?.url}/metrics`)).text();
  assert.match(metrics, new RegExp(`^gozolite_reserved_memory_bytes ${MEMORY_KB * 1024}$`, 'm'));
  // Who was next leaves: the small one still does not fit beside the first.
  await gozo.cancel(all[1]?.id ?? '');
  assert.equal(await seen(all), 'running, ended, queued 1');
  await gozo.cancel(all[0]?.id ?? '');
  await eventually('the small one runs', 30_000, async () => {
    return (await seen(all)) === 'ended, ended, running' ? true : undefined;
  });
  await gozo.cancel(all[2]?.id ?? '');
  await eventually('all is given back', 30_000, async () => {
    return (await gozo.diagnostics()).reserved.memory_kb === 0 ? true : undefined;
  });
});
