import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { test } from 'vitest';
import type { Counted } from './counts.js';
import type { PoolLoad } from './levels.js';
import { createMetrics } from './metrics.js';
import { quotasOn } from './quotas.js';
import { createTenants } from './tenants.js';

const ENDED: Counted = {
  language: 'python',
  status: 'ok',
  failure: undefined,
  stages: { queue: 2, prepare: 3, compile: 0, run: 40, total: 45 },
  ran: [{ stage: 'run', memoryKb: 8 * 1024, cpuMs: 30, limits: [] }],
  prepared: true,
};

async function linesOf(metrics: { render(): Promise<string> }): Promise<readonly string[]> {
  return (await metrics.render()).split('\n');
}

function has(lines: readonly string[], ...wanted: readonly string[]): void {
  for (const line of wanted) assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
}

test('an execution is counted by language, status, stage, memory and limits', async () => {
  const metrics = createMetrics({ version: '1.2.3', tenants: false });
  metrics.counts.ended(ENDED);
  const ran = [{ stage: 'run', memoryKb: 1, cpuMs: 1, limits: ['wall_time_ms'] }] as const;
  metrics.counts.ended({ ...ENDED, status: 'time_limit_exceeded', prepared: false, ran });
  metrics.counts.ended({ ...ENDED, status: 'failed', failure: 'INTERNAL', ran: [] });
  has(
    await linesOf(metrics),
    'gozolite_executions_total{language="python",status="ok"} 1',
    'gozolite_executions_total{language="python",status="time_limit_exceeded"} 1',
    'gozolite_failures_total{error="INTERNAL"} 1',
    'gozolite_sandboxes_total{start="prepared"} 1',
    'gozolite_sandboxes_total{start="cold"} 1',
    'gozolite_limit_hits_total{limit="wall_time_ms",stage="run"} 1',
    'gozolite_stage_duration_seconds_count{stage="queue"} 3',
    'gozolite_stage_duration_seconds_bucket{le="0.05",stage="run"} 2',
    'gozolite_stage_duration_seconds_bucket{le="0.025",stage="run"} 0',
    'gozolite_memory_peak_bytes_bucket{le="4194304",stage="run"} 1',
    'gozolite_memory_peak_bytes_bucket{le="16777216",stage="run"} 2',
    'gozolite_build_info{version="1.2.3"} 1',
  );
});

test('requests by route and status, refusals by code and limit', async () => {
  const metrics = createMetrics({ version: '1', tenants: false });
  metrics.counts.answered({ route: '/execute', method: 'POST', status: '200', ms: 12 });
  metrics.counts.refused('QUOTA_EXCEEDED', 'cpu_ms/day');
  metrics.counts.refused('BAD_JSON', undefined);
  has(
    await linesOf(metrics),
    'gozolite_http_requests_total{route="/execute",method="POST",status="200"} 1',
    'gozolite_http_request_duration_seconds_sum{route="/execute"} 0.012',
    'gozolite_refusals_total{code="QUOTA_EXCEEDED"} 1',
    'gozolite_refusals_total{code="BAD_JSON"} 1',
    'gozolite_limited_total{limit="cpu_ms/day"} 1',
  );
});

test('levels are as last seen: what is gone from the pool has no row', async () => {
  const metrics = createMetrics({ version: '1', tenants: false });
  const kind = { stage: 'run', ready: 2, wanted: 3, hits: 5, misses: 1 };
  const recipes = [
    { ...kind, language: 'python' },
    { ...kind, language: 'python' },
    { ...kind, language: 'perl' },
  ];
  const pool: PoolLoad = { memoryKb: 1, memoryKbMax: 2, budgetKb: 2, recipes };
  const load = {
    ...{ running: 1, slots: 4, queued: 2, queueMax: 512 },
    ...{ isLauncherUp: true, leaving: 2, quarantined: 0, languages: 9 },
    ...{ listeners: 3, listenersMax: 1024 },
    reserved: { memoryKb: 256, cpus: 1 },
    reservable: { memoryKb: 1024, cpus: 8 },
  };
  metrics.levels.set({ ...load, pool });
  metrics.levels.set({ ...load, pool: { ...pool, recipes: recipes.slice(0, 2) } });
  const lines = await linesOf(metrics);
  has(
    lines,
    'gozolite_pool_hits_total{language="python",stage="run"} 10',
    'gozolite_pool_ready{language="python",stage="run"} 4',
    'gozolite_queue_length 2',
    'gozolite_listeners 3',
    'gozolite_listeners_max 1024',
    'gozolite_reserved_memory_bytes 262144',
    'gozolite_reserved_memory_bytes_max 1048576',
    'gozolite_reserved_cpus 1',
    'gozolite_reserved_cpus_max 8',
    'gozolite_launcher_up 1',
    'gozolite_store_up Nan',
  );
  assert.ok(!lines.some((line) => line.includes('"perl"')));
  metrics.levels.set({ ...load, isLauncherUp: false, pool: undefined });
  has(await linesOf(metrics), 'gozolite_launcher_up 0');
  for (const isStoreUp of [true, false]) {
    metrics.levels.set({ ...load, pool: undefined, isStoreUp });
    has(await linesOf(metrics), `gozolite_store_up ${Number(isStoreUp)}`);
  }
});

test('how near anybody is to a quota is told without a name', async () => {
  const registry = new Registry();
  const quotas = quotasOn(registry, 2);
  for (const tenant of ['a', 'b', 'c', 'a']) quotas.saw(tenant);
  assert.deepEqual(quotas.tenants(), ['a', 'b']);
  quotas.set(new Map([['executions/day', 0.2]]));
  quotas.set(new Map([['cpu_ms/hour', 0.75]]));
  const lines = (await registry.metrics()).split('\n').filter((line) => /^\w/.test(line));
  assert.deepEqual(lines, ['gozolite_quota_saturation{quota="cpu_ms/hour"} 0.75']);
});

test('tenants are labels only where that is wanted, and of a bounded number', async () => {
  assert.equal(createMetrics({ version: '1', tenants: false }).tenants, undefined);
  const registry = new Registry();
  const tenants = createTenants(registry, 2);
  for (const tenant of ['a', 'b', 'c', 'd', 'a']) tenants.ended(tenant, 'ok', 500);
  tenants.setQuota('a', 'cpu_ms/day', 0.5);
  tenants.setQuota('c', 'cpu_ms/day', 0.5);
  const lines = (await registry.metrics()).split('\n');
  has(
    lines,
    'gozolite_tenant_executions_total{tenant="a",status="ok"} 2',
    'gozolite_tenant_executions_total{tenant="others",status="ok"} 2',
    'gozolite_tenant_cpu_seconds_total{tenant="a"} 1',
    'gozolite_tenant_quota_used_ratio{tenant="a",quota="cpu_ms/day"} 0.5',
  );
  assert.ok(!lines.some((line) => line.includes('"c"')));
});
