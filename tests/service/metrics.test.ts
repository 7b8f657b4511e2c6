import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { bash, testUrl } from '../integration/client.js';
import { eventually } from '../server-under-test.js';
import { type Keyed, startKeyed } from './keyed-server.js';

const HELLO = { language: 'bash', code: 'echo hello' };
const folder = mkdtempSync(join(tmpdir(), 'gozolite-metrics-'));
writeFileSync(join(folder, 'two.yaml'), 'quotas: { day: { executions: 2 } }');

let keyed: Keyed;
let scraper: string;
beforeAll(async () => {
  keyed = await startKeyed('sqlite', { GOZO_POLICIES: folder, GOZO_METRICS_TENANTS: 'true' });
  scraper = await keyed.home.key('ops', 'metrics');
});
afterAll(async () => {
  await keyed[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function fetchMetrics(key: string): Promise<Response> {
  const headers = { authorization: `Bearer ${key}` };
  return fetch(`${keyed.server.url}/metrics`, { headers });
}

async function scraped(): Promise<ReadonlyMap<string, number>> {
  const answer = await fetchMetrics(scraper);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split('\n').filter((line) => /^\w/.test(line));
  return new Map(
    lines.map((line) => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(0, cut), Number(line.slice(cut + 1))];
    }),
  );
}

test('a scraper has a key for the metrics and for nothing else', async () => {
  const { key } = await keyed.tenant('curious');
  for (const other of [key, keyed.adminKey]) assert.equal((await fetchMetrics(other)).status, 403);
  assert.equal((await fetchMetrics('')).status, 401);
  const headers = { authorization: `Bearer ${scraper}` };
  for (const path of ['/diagnostics', '/usage', '/capabilities', '/admin/keys']) {
    assert.equal((await fetch(`${keyed.server.url}${path}`, { headers })).status, 403, path);
  }
});

test('what happened is counted: outcomes, limits, refusals, requests, tenants', async () => {
  const { gozo } = await keyed.tenant('two');
  const before = await scraped();
  await gozo.execute(HELLO);
  const limits = { wall_time_ms: 300 };
  const late = await gozo.execute({ language: 'bash', code: 'sleep 30', limits });
  assert.equal(late.status, 'time_limit_exceeded');
  await assert.rejects(gozo.execute(HELLO), /QUOTA|quota/);
  await assert.rejects(gozo.execute({ language: 'nonsense', code: '' }));
  const asked = 'gozolite_http_requests_total{route="/execute",method="POST"';
  // A request is counted when its answer is out: a moment after its client has it.
  const after = await eventually('all four counted', 20_000, async () => {
    const now = await scraped();
    const counted = [...now].filter(([name]) => name.startsWith(asked));
    const sum = counted.reduce((all, [name, count]) => all + count - (before.get(name) ?? 0), 0);
    return sum === 4 ? now : undefined;
  });
  const grew = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  assert.equal(grew('gozolite_executions_total{language="bash",status="ok"}'), 1);
  assert.equal(grew('gozolite_executions_total{language="bash",status="time_limit_exceeded"}'), 1);
  assert.equal(grew('gozolite_limit_hits_total{limit="wall_time_ms",stage="run"}'), 1);
  assert.equal(grew('gozolite_stage_duration_seconds_count{stage="total"}'), 2);
  assert.equal(grew('gozolite_memory_peak_bytes_count{stage="run"}'), 2);
  assert.equal(grew('gozolite_refusals_total{code="QUOTA_EXCEEDED"}'), 1);
  assert.equal(grew('gozolite_limited_total{limit="executions/day"}'), 1);
  assert.equal(grew('gozolite_refusals_total{code="UNKNOWN_LANGUAGE"}'), 1);
  assert.equal(grew(`${asked},status="200"}`), 2);
  assert.equal(grew(`${asked},status="429"}`), 1);
  assert.equal(after.get('gozolite_tenant_executions_total{tenant="two",status="ok"}'), 1);
  const quota = 'gozolite_tenant_quota_used_ratio{tenant="two",quota="executions/day"}';
  assert.equal(after.get(quota), 1);
  assert.equal(after.get('gozolite_quota_saturation{quota="executions/day"}'), 1);
  assert.equal(after.get('gozolite_launcher_up'), 1);
  assert.equal(after.get('gozolite_sandboxes_quarantined'), 0);
  await eventually('what ended is gone', 30_000, async () => {
    return (await scraped()).get('gozolite_teardown_backlog') === 0 || undefined;
  });
  assert.ok((after.get('gozolite_execution_slots') ?? 0) >= 1);
  assert.ok((after.get('process_resident_memory_bytes') ?? 0) > 0);
});

test('a path that is not there is no label', async () => {
  await fetch(`${keyed.server.url}/no/such/path`);
  const names = await eventually('it is counted', 20_000, async () => {
    const all = [...(await scraped()).keys()];
    return all.some((name) => name.includes('route="",method="GET",status="404"'))
      ? all
      : undefined;
  });
  assert.ok(!names.some((name) => name.includes('such')));
});

test('without keys the metrics are open on loopback, and name no tenant', async () => {
  await bash('echo counted');
  const text = await (await fetch(`${testUrl()}/metrics`)).text();
  assert.match(text, /^gozolite_executions_total\{language="bash",status="ok"\} [1-9]/m);
  assert.match(text, /^gozolite_launcher_up 1$/m);
  assert.doesNotMatch(text, /tenant=/);
});
