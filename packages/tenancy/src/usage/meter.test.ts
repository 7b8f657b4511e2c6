import assert from 'node:assert/strict';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import { test } from 'vitest';
import { type BasePolicy, resolvePolicy } from '../policy/policy.js';
import type { PolicyFile } from '../policy/schema.js';
import { tenancyForTests } from '../tenancy-under-test.js';
import { createMeter, type Meter } from './meter.js';

const BASE: BasePolicy = {
  limits: limitPolicyFor(4, 16 * 1024 * 1024),
  network: { allow: [], bytesMax: 1, connectionsMax: 1, timeMsMax: 1 },
  ...{ dataAllow: [], isolationFloor: 'full', counts: true },
};
const HOUR_MS = 3_600_000;

async function start(isAlone: boolean, file: PolicyFile) {
  const own = await tenancyForTests();
  let now = Date.parse('2026-01-31T23:59:00Z');
  const lost: unknown[] = [];
  const meter = createMeter({
    ...{ store: own.store, server: 'srv_1', isAlone, nowMs: () => now },
    onLost: (error) => lost.push(error),
  });
  const policy = resolvePolicy(BASE, file);
  let count = 0;
  const begin = (cpuMs = 1000, tenant = 'acme') => {
    count += 1;
    return meter.begin({ execution: `exe_${count}`, tenant, policy, cpuMs, outputBytes: 1024 });
  };
  return {
    ...{ store: own.store, meter, policy, begin, lost },
    now: () => now,
    pass: (ms: number) => {
      now += ms;
    },
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
}

type Setting = (file: PolicyFile) => ReturnType<typeof start>;

/** The same holds for one server alone, which counts in memory, and among several. */
function both(name: string, claim: (setting: Setting) => Promise<void>): void {
  for (const isAlone of [true, false]) {
    test(`${name} (${isAlone ? 'alone' : 'among others'})`, () =>
      claim((file) => start(isAlone, file)));
  }
}

function nameOf(result: Result<unknown, Refusal>): string {
  return result.ok ? 'ok' : `${result.error.code} ${result.error.limit?.name}`;
}

function valueFrom<T>(result: Result<T, Refusal>): T {
  assert.ok(result.ok, result.ok ? '' : result.error.detail);
  return result.value;
}

both('100 at once against a quota of 10 are exactly 10', async (setting) => {
  await using own = await setting({ quotas: { day: { executions: 10 } } });
  const all = await Promise.all(Array.from({ length: 100 }, () => own.begin()));
  assert.equal(all.filter(({ ok }) => ok).length, 10);
  assert.equal(all.filter((each) => nameOf(each) === 'QUOTA_EXCEEDED executions/day').length, 90);
  assert.equal((await own.meter.usage('acme', own.policy)).day.executions.used, 10);
  assert.equal(nameOf(await own.begin(1, 'bob')), 'ok', 'a quota is of one tenant');
});

both(
  '100 at once against 3 executions at once are 3, and as they end come others',
  async (setting) => {
    await using own = await setting({ concurrency: 3 });
    const all = await Promise.all(Array.from({ length: 100 }, () => own.begin()));
    const held = all.flatMap((each) => (each.ok ? [each.value] : []));
    assert.equal(held.length, 3);
    assert.equal(nameOf(await own.begin()), 'RATE_LIMITED concurrency');
    await held[0]?.settle({ executions: 1, cpuMs: 1, outputBytes: 1 });
    assert.deepEqual(
      [nameOf(await own.begin()), nameOf(await own.begin())],
      ['ok', 'RATE_LIMITED concurrency'],
    );
  },
);

both(
  'CPU is set aside whole, charged as used, and no race goes past the quota',
  async (setting) => {
    await using own = await setting({ quotas: { hour: { cpu_s: 5 } } });
    const all = await Promise.all(Array.from({ length: 20 }, () => own.begin(1000)));
    const held = all.flatMap((each) => (each.ok ? [each.value] : []));
    assert.equal(held.length, 5);
    for (const each of held) await each.settle({ executions: 1, cpuMs: 10, outputBytes: 0 });
    const { cpu_ms: cpu } = (await own.meter.usage('acme', own.policy)).hour;
    assert.deepEqual(cpu, { used: 50, quota: 5000 });
    const refused = await own.begin(4951);
    assert.ok(!refused.ok);
    const { limit, retryAfterMs, detail } = refused.error;
    assert.deepEqual([limit?.name, limit?.remaining, limit?.asked], ['cpu_ms/hour', 4950, 4951]);
    assert.equal(retryAfterMs, 60_000);
    assert.match(detail, /lower cpu_time_ms/);
    assert.equal(nameOf(await own.begin(4950)), 'ok');
  },
);

both('what can never fit says nothing of waiting', async (setting) => {
  await using own = await setting({ quotas: { hour: { cpu_s: 5 }, day: { output_kb: 0 } } });
  const refused = await own.begin(5001);
  assert.ok(!refused.ok && refused.error.retryAfterMs === undefined);
  assert.equal(nameOf(await own.begin(1)), 'QUOTA_EXCEEDED output_bytes/day');
});

both('what had no execution costs nothing', async (setting) => {
  await using own = await setting({ quotas: { hour: { executions: 1 } } });
  for (let round = 0; round < 5; round += 1) {
    const held = valueFrom(await own.begin());
    await held.settle({ executions: 0, cpuMs: 0, outputBytes: 0 });
  }
  const { executions, cpu_ms: cpu } = (await own.meter.usage('acme', own.policy)).hour;
  assert.deepEqual([executions.used, cpu.used], [0, 0]);
});

both(
  'a new hour, day and month begin at nothing, and a late end goes to its own',
  async (setting) => {
    await using own = await setting({ quotas: { hour: { executions: 1 }, month: { cpu_s: 60 } } });
    const held = valueFrom(await own.begin());
    assert.equal(nameOf(await own.begin()), 'QUOTA_EXCEEDED executions/hour');
    own.pass(60_000); // The first of February.
    const { hour, day, month } = await own.meter.usage('acme', own.policy);
    assert.deepEqual(
      [hour, day, month].map(({ executions }) => executions.used),
      [0, 0, 0],
    );
    assert.equal(month.starts_at, '2026-02-01T00:00:00.000Z');
    assert.equal(month.ends_at, '2026-03-01T00:00:00.000Z');
    await held.settle({ executions: 1, cpuMs: 7, outputBytes: 0 });
    assert.equal((await own.meter.usage('acme', own.policy)).month.cpu_ms.used, 0);
    assert.equal(nameOf(await own.begin()), 'ok');
    own.pass(HOUR_MS);
    assert.equal(nameOf(await own.begin()), 'ok');
  },
);

both('requests: a burst, then as many as the rate says', async (setting) => {
  await using own = await setting({ rate: { requests: { per_s: 2, burst: 5 } } });
  const pace = (tenant = 'acme') => own.meter.pace(tenant, own.policy);
  const codes = Array.from({ length: 20 }, () => nameOf(pace()));
  assert.equal(codes.filter((code) => code === 'ok').length, 5);
  const refused = pace();
  assert.ok(!refused.ok);
  assert.equal(refused.error.retryAfterMs, 500);
  own.pass(499);
  assert.equal(nameOf(pace()), 'RATE_LIMITED requests');
  own.pass(1);
  assert.deepEqual([nameOf(pace()), nameOf(pace())], ['ok', 'RATE_LIMITED requests']);
  assert.equal(nameOf(pace('bob')), 'ok');
});

both('CPU seconds: who used more than the burst waits until it is paid off', async (setting) => {
  await using own = await setting({ rate: { cpu_s: { per_s: 0.5, burst: 1 } } });
  const held = valueFrom(await own.begin());
  await held.settle({ executions: 1, cpuMs: 2000, outputBytes: 0 });
  const refused = own.meter.pace('acme', own.policy);
  assert.ok(!refused.ok && refused.error.limit?.name === 'cpu');
  assert.equal(refused.error.retryAfterMs, 2002);
  own.pass(2002);
  assert.equal(nameOf(own.meter.pace('acme', own.policy)), 'ok');
});

both('headers tell each quota in requests or bytes, and what is left', async (setting) => {
  await using own = await setting({
    rate: { requests: { per_s: 2, burst: 10 } },
    quotas: { hour: { executions: 5, cpu_s: 60 }, day: { output_kb: 2 } },
  });
  assert.equal(nameOf(own.meter.pace('acme', own.policy)), 'ok');
  const { headers } = valueFrom(await own.begin());
  assert.deepEqual(headers, {
    'ratelimit-policy':
      '"requests";q=10;w=5, "executions/hour";q=5;w=3600, ' +
      '"output_bytes/day";q=2048;qu="content-bytes";w=86400',
    ratelimit: '"requests";r=9, "executions/hour";r=4;t=60, "output_bytes/day";r=1024;t=60',
  });
});

both(
  'where nothing is said nothing is refused, without a store nothing is counted',
  async (setting) => {
    await using own = await setting({});
    const all = await Promise.all(Array.from({ length: 50 }, () => own.begin()));
    assert.ok(all.every(({ ok }) => ok));
    assert.deepEqual(valueFrom(await own.begin()).headers, {});
    assert.equal((await own.meter.usage('acme', own.policy)).hour.executions.quota, null);
    const free = createMeter({
      ...{ store: undefined, server: '', isAlone: false, nowMs: Date.now, onLost: () => undefined },
    });
    const asked = { execution: 'e', tenant: 'local', policy: own.policy, cpuMs: 1, outputBytes: 1 };
    await valueFrom(await free.begin(asked)).settle({ executions: 1, cpuMs: 1, outputBytes: 1 });
    assert.equal((await free.usage('local', own.policy)).hour.executions.used, 0);
    assert.deepEqual(own.lost, []);
  },
);

both(
  'what no quota bounds counts the same, and bounds what comes when one is set',
  async (setting) => {
    await using own = await setting({});
    const held = [valueFrom(await own.begin()), valueFrom(await own.begin())];
    held[0]?.settle({ executions: 1, cpuMs: 7, outputBytes: 3 });
    valueFrom(await own.begin()).settle({ executions: 0, cpuMs: 0, outputBytes: 0 });
    const { hour } = await own.meter.usage('acme', own.policy);
    assert.deepEqual([hour.executions.used, hour.cpu_ms.used], [2, 1007]);
    held[1]?.settle({ executions: 1, cpuMs: 1, outputBytes: 0 });
    await own.begin();
    const policy = resolvePolicy(BASE, { quotas: { hour: { executions: 3 } } });
    const asked = { execution: 'exe_9', tenant: 'acme', policy, cpuMs: 1, outputBytes: 1 };
    assert.equal(nameOf(await own.meter.begin(asked)), 'QUOTA_EXCEEDED executions/hour');
  },
);

test('a quota holds across the moment at which a second server begins to count', async () => {
  await using own = await start(true, { quotas: { day: { executions: 50 } } });
  const begin = (meter: Meter, execution: string) =>
    meter.begin({ execution, tenant: 'acme', policy: own.policy, cpuMs: 1, outputBytes: 1 });
  const other = createMeter({
    ...{ store: own.store, server: 'srv_2', isAlone: false, nowMs: own.now },
    onLost: (error) => own.lost.push(error),
  });
  const before = Array.from({ length: 30 }, () => own.begin(1));
  const shared = own.meter.share();
  const between = Array.from({ length: 5 }, () => own.begin(1));
  await shared;
  const after = Array.from({ length: 40 }, (_, at) =>
    begin(at % 2 === 0 ? own.meter : other, `late_${at}`),
  );
  const all = await Promise.all([...before, ...between, ...after]);
  assert.equal(all.filter(({ ok }) => ok).length, 50);
  for (const each of all.filter(({ ok }) => ok).slice(0, 10)) {
    valueFrom(each).settle({ executions: 0, cpuMs: 0, outputBytes: 0 });
  }
  const { executions } = (await own.meter.usage('acme', own.policy)).day;
  assert.deepEqual([executions.used, own.lost], [40, []]);
});

test('alone, what was used before a start counts after it; the store has all of it', async () => {
  await using own = await start(true, { quotas: { hour: { executions: 3, cpu_s: 10 } } });
  const held = valueFrom(await own.begin());
  held.settle({ executions: 1, cpuMs: 40, outputBytes: 3 });
  valueFrom(await own.begin());
  await own.meter.settled();
  const next = createMeter({
    ...{ store: own.store, server: 'srv_1', isAlone: true, nowMs: own.now },
    onLost: (error) => own.lost.push(error),
  });
  const asked = { tenant: 'acme', policy: own.policy, cpuMs: 1, outputBytes: 1 };
  const results = ['a', 'b'].map((execution) => next.begin({ execution, ...asked }));
  const names = (await Promise.all(results)).map(nameOf);
  assert.deepEqual(names, ['ok', 'QUOTA_EXCEEDED executions/hour']);
  const { hour } = await next.usage('acme', own.policy);
  assert.deepEqual([hour.executions.used, hour.cpu_ms.used, own.lost], [3, 1041, []]);
});
