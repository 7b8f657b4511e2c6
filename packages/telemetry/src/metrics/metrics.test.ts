import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { test } from 'vitest';
import type { Counted } from './counts.js';
import type { PoolLoad } from './levels.js';
import { createMetrics } from './metrics.js';
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
    ...{ isLauncherUp: true, quarantined: 0, languages: 9 },
  };
  metrics.levels.set({ ...load, pool });
  metrics.levels.set({ ...load, pool: { ...pool, recipes: recipes.slice(0, 2) } });
  const lines = await linesOf(metrics);
  has(
    lines,
    'gozolite_pool_hits_total{language="python",stage="run"} 10',
    'gozolite_pool_ready{language="python",stage="run"} 4',
    'gozolite_queue_length 2',
    'gozolite_launcher_up 1',
  );
  assert.ok(!lines.some((line) => line.includes('"perl"')));
  metrics.levels.set({ ...load, isLauncherUp: false, pool: undefined });
  has(await linesOf(metrics), 'gozolite_launcher_up 0');
});

test('tenants are labels only where that is wanted, and of a bounded number', async () => {
  assert.equal(createMetrics({ version: '1', tenants: false }).tenants, undefined);
  const registry = new Registry();
  const tenants = createTenants(registry, 2);
  for (const tenant of ['a', 'b', 'c', 'd', 'a']) tenants.ended(tenant, 'ok', 500);
  tenants.setQuota('a', 'cpu_ms/day', 0.5);
  tenants.setQuota('c', 'cpu_ms/day', 0.5);
  assert.deepEqual(tenants.seen(), ['a', 'b']);
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
