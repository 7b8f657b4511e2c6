import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '@gozolite/contract/refusal';
import type { Usage } from '@gozolite/contract/tenancy/usage';
import { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { BUILD, spawnServer, startOwnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { type Keyed, makeHome, run, STORES, startKeyed } from './keyed-server.js';

const HELLO = { language: 'bash', code: 'echo hello' };
const folder = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
const POLICIES: Readonly<Record<string, string>> = {
  ten: 'quotas: { day: { executions: 10 } }',
  twelve: 'quotas: { day: { executions: 12 } }',
  shown: 'quotas: { day: { executions: 12 } }',
  two: 'concurrency: 2',
  slow: 'rate: { requests: { per_s: 0.1, burst: 3 } }',
  cpu: 'quotas: { month: { cpu_s: 25 } }',
  killed: 'quotas: { day: { cpu_s: 100 } }',
};
for (const [name, text] of Object.entries(POLICIES)) {
  writeFileSync(join(folder, `${name}.yaml`), text);
}
afterAll(() => rmSync(folder, { recursive: true }));

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly problem: Problem;
}

async function ask(url: string, key: string, body: object = HELLO): Promise<Asked> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}/execute`, init);
  const problem = (await response.json()) as Problem;
  return { status: response.status, headers: response.headers, problem };
}

function statuses(all: readonly Asked[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of all) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

for (const store of STORES) {
  describe(store, () => {
    let keyed: Keyed | undefined;
    beforeAll(async () => {
      keyed = await startKeyed(store, { GOZO_POLICIES: folder });
    });
    afterAll(() => keyed?.[Symbol.asyncDispose]());
    const its = () => {
      assert.ok(keyed);
      return keyed;
    };
    quotas(its);
    shown(its);
    rates(its);
    kills(its);
  });
}

function quotas(its: () => Keyed): void {
  test('100 at once against a quota of 10 run exactly 10', async () => {
    const { url } = its().server;
    const { key, gozo } = await its().tenant('ten');
    const all = await Promise.all(Array.from({ length: 100 }, () => ask(url, key)));
    assert.deepEqual(statuses(all), { 200: 10, 429: 90 });
    const refused = all.find(({ status }) => status === 429);
    assert.equal(refused?.problem.code, 'QUOTA_EXCEEDED');
    const { limit } = refused?.problem ?? {};
    assert.deepEqual([limit?.name, limit?.quota, limit?.remaining], ['executions/day', 10, 0]);
    assert.ok(Number(refused?.headers.get('retry-after')) <= 86_400);
    assert.equal(refused?.headers.get('ratelimit-policy'), '"executions/day";q=10;w=86400');
    assert.match(refused?.headers.get('ratelimit') ?? '', /^"executions\/day";r=0;t=\d+$/);
    const served = all.find(({ status }) => status === 200);
    assert.match(served?.headers.get('ratelimit-policy') ?? '', /^"executions\/day";q=10;w=86400$/);
    assert.deepEqual((await gozo.usage()).day.executions, { used: 10, quota: 10 });
  });

  test('usage is what the records say, and a request that is refused costs nothing', async () => {
    const { url } = its().server;
    const { key, gozo } = await its().tenant('cpu');
    const record = await gozo.execute({
      language: 'bash',
      code: 'echo 12345; seq 20000 >/dev/null',
    });
    assert.equal((await ask(url, key, { language: 'nonsense', code: '' })).status, 422);
    const { month, day } = await gozo.usage();
    assert.deepEqual(month.cpu_ms, { used: record.cpu_time_ms, quota: 25_000 });
    assert.deepEqual([day.executions.used, day.output_bytes.used], [1, 6]);
    // Three of ten seconds each can't be under way in 25: two are, for all that they use nothing.
    const sleeping = { language: 'bash', code: 'sleep 1' };
    const all = await Promise.all(Array.from({ length: 3 }, () => ask(url, key, sleeping)));
    assert.deepEqual(statuses(all), { 200: 2, 429: 1 });
    assert.equal(all.find(({ status }) => status === 429)?.problem.limit?.name, 'cpu_ms/month');
  });

  test('a second server on the same store: a quota stays what it is', async () => {
    const { home, server: first } = its();
    const { key, gozo } = await its().tenant('twelve');
    const early = await Promise.all(Array.from({ length: 4 }, () => ask(first.url, key)));
    assert.deepEqual(statuses(early), { 200: 4 });
    await using second = await startOwnServer({ ...home.env, GOZO_POLICIES: folder });
    const urls = Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? first.url : second.url));
    assert.deepEqual(statuses(await Promise.all(urls.map((url) => ask(url, key)))), {
      ...{ 200: 8, 429: 52 },
    });
    assert.deepEqual((await gozo.usage()).day.executions, { used: 12, quota: 12 });
  });

  test('another tenant is asked for by who administers, and by nobody else', async () => {
    const { url } = its().server;
    const { key } = await its().tenant('curious');
    const of = async (tenant: string, own: string) => {
      const headers = { authorization: `Bearer ${own}` };
      return fetch(`${url}/usage?tenant=${tenant}`, { headers });
    };
    assert.equal((await of('ten', key)).status, 403);
    assert.equal((await of('curious', key)).status, 200);
    const usage = (await (await of('ten', its().adminKey)).json()) as Usage;
    assert.equal(usage.day.executions.used, 10);
  });
}

function shown(its: () => Keyed): void {
  test('gozo usage shows it, and that of another tenant to who administers', async () => {
    const { adminKey, server } = its();
    const { key, gozo } = await its().tenant('shown');
    await gozo.execute(HELLO);
    const ask = (key: string, ...more: readonly string[]) =>
      run([join(BUILD, 'gozo.mjs'), 'usage', ...more], { GOZO_URL: server.url, GOZO_KEY: key });
    const own = await ask(key);
    assert.match(own.stdout, /^tenant shown[\s\S]*\nday +1 of 12 /, own.stderr);
    const others = await ask(adminKey, '--tenant', 'shown', '--json');
    assert.deepEqual(JSON.parse(others.stdout), await gozo.usage());
    const refused = await ask(key, '--tenant', 'ops');
    assert.deepEqual([refused.exitCode, refused.stdout], [64, ''], refused.stderr);
    assert.match(refused.stderr, /scope admin/);
  });
}

function rates(its: () => Keyed): void {
  test('a burst of 3 is served, the rest told when', async () => {
    const { key } = await its().tenant('slow');
    const all = await Promise.all(Array.from({ length: 8 }, () => ask(its().server.url, key)));
    assert.deepEqual(statuses(all), { 200: 3, 429: 5 });
    const refused = all.find(({ status }) => status === 429);
    assert.equal(refused?.problem.code, 'RATE_LIMITED');
    assert.equal(refused?.problem.limit?.name, 'requests');
    assert.match(refused?.headers.get('retry-after') ?? '', /^(10|[6-9])$/);
  });

  test('two at once are served, and who goes away leaves room', async () => {
    const { url } = its().server;
    const { key, gozo } = await its().tenant('two');
    const away = new AbortController();
    const sleeping = { language: 'bash', code: 'sleep 30', limits: { wall_time_ms: 40_000 } };
    const long = [1, 2].map(() => gozo.execute(sleeping, { signal: away.signal }).catch(() => 0));
    const used = (count: number) =>
      eventually(`${count} under way`, 20_000, async () =>
        (await gozo.usage()).concurrency.used === count ? true : undefined,
      );
    await used(2);
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(url, key)));
    assert.deepEqual(statuses(all), { 429: 20 });
    assert.equal(all[0]?.problem.limit?.name, 'concurrency');
    away.abort();
    await Promise.all(long);
    await used(0);
    assert.equal((await ask(url, key)).status, 200);
    // Leaving early is charged for the time that it took.
    assert.ok((await gozo.usage()).day.cpu_ms.used > 0);
  });
}

function kills(its: () => Keyed): void {
  test('kill -9 in the middle: what was set aside is given back at the next start', async () => {
    const { home } = its();
    const env = { ...home.env, GOZO_POLICIES: folder };
    const { key } = await its().tenant('killed');
    const first = await startOwnServer(env);
    const doomed = new Gozo({ url: first.url, key });
    const sleeping = { language: 'bash', code: 'sleep 30', limits: { wall_time_ms: 40_000 } };
    const call = doomed.execute(sleeping).catch(() => 'gone');
    await eventually('its reservation', 20_000, async () =>
      (await doomed.usage()).day.cpu_ms.used === 10_000 ? true : undefined,
    );
    first.child.kill('SIGKILL');
    await first.ended;
    assert.equal(await call, 'gone');
    await using next = await startOwnServer(env);
    const { day } = await new Gozo({ url: next.url, key }).usage();
    assert.deepEqual([day.executions.used, day.cpu_ms.used], [1, 0]);
  });
}

test('alone on its store: what was used counts on after kill -9', async () => {
  await using home = await makeHome('sqlite');
  const env = { ...home.env, GOZO_POLICIES: folder };
  await home.gozo('tenants', 'create', 'twelve');
  const key = await home.key('twelve');
  const first = await startOwnServer(env);
  const served = await Promise.all(Array.from({ length: 5 }, () => ask(first.url, key)));
  assert.deepEqual(statuses(served), { 200: 5 });
  const before = await new Gozo({ url: first.url, key }).usage();
  first.child.kill('SIGKILL');
  await first.ended;
  await using next = await startOwnServer(env);
  assert.deepEqual((await new Gozo({ url: next.url, key }).usage()).day, before.day);
  const more = await Promise.all(Array.from({ length: 30 }, () => ask(next.url, key)));
  assert.deepEqual(statuses(more), { 200: 7, 429: 23 });
});

test('quotas without keys are refused at the start: there is no store to count in', async () => {
  const env = { GOZO_POLICIES: folder, GOZO_PORT: '0', GOZO_DATA: folder };
  const { exitCode, stderr } = await spawnServer(env).ended;
  assert.equal(exitCode, 78);
  assert.match(stderr, /ten\.yaml:1: quotas: there is no store to count in/);
});
