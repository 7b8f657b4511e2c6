import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { eventually } from '../../server-under-test.js';
import { type Keyed, startKeyed } from '../keyed-server.js';

/** A window is over with its twentieth execution. */
const COUNT = 20;
const WINDOWS = 6;
const SLOW = { language: 'bash', code: 'sleep 30', limits: { wall_time_ms: 100 } };
const QUICK = { language: 'bash', code: 'true' };

let keyed: Keyed;
beforeAll(async () => {
  const env = { GOZO_ANOMALY_WINDOW_S: '0', GOZO_METRICS_TENANTS: 'true' };
  keyed = await startKeyed('sqlite', env);
});
afterAll(async () => {
  await keyed?.[Symbol.asyncDispose]();
});

test('a tenant whose programs begin to run out of time is seen, and when it is over', async () => {
  const { gozo } = await keyed.tenant('changed');
  const key = await keyed.home.key('ops', 'metrics');
  const metrics = async () => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`${keyed.server.url}/metrics`, { headers })).text();
  };
  /** A few at a time: a busy machine refuses a queue that is too long for it. */
  const run = async (request: typeof QUICK, count: number) => {
    const statuses: string[] = [];
    for (let left = count; left > 0; left -= 5) {
      const some = await Promise.all(Array.from({ length: 5 }, () => gozo.execute(request)));
      statuses.push(...some.map(({ status }) => status));
    }
    return statuses;
  };
  const seen = async () => (await keyed.admin.diagnostics()).anomalies;
  await run(QUICK, WINDOWS * COUNT);
  assert.deepEqual(await seen(), []);
  assert.deepEqual(new Set(await run(SLOW, COUNT)), new Set(['time_limit_exceeded']));
  const [anomaly] = await seen();
  assert.equal(anomaly?.tenant, 'changed');
  assert.equal(anomaly.signal, 'timeouts');
  assert.ok(anomaly.share > 0.5 && anomaly.usual === 0 && anomaly.executions === COUNT);
  const text = await metrics();
  assert.match(text, /^gozolite_tenants_anomalous\{signal="timeouts"\} 1$/m);
  assert.match(text, /^gozolite_anomalies_total\{signal="timeouts"\} 1$/m);
  assert.match(text, /^gozolite_tenant_anomaly_ratio\{tenant="changed",signal="timeouts"\} 1$/m);
  await run(QUICK, COUNT);
  await eventually('it is as usual', 60_000, async () => (await seen()).length === 0 || undefined);
  assert.match(await metrics(), /^gozolite_tenants_anomalous\{signal="timeouts"\} 0$/m);
});
