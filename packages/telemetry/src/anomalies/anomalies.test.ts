import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createAnomalies, type Signal } from './anomalies.js';

const WINDOW_MS = 300_000;

/** A clock that is moved by hand, and dice that always fall the same. */
function setting(tenantsMax?: number) {
  const told: string[] = [];
  let now = Date.parse('2026-01-01T00:00:00Z');
  let seed = 7;
  const anomalies = createAnomalies({
    nowMs: () => now,
    windowMs: WINDOW_MS,
    onBegin: ({ tenant, signal }) => told.push(`${tenant} ${signal}`),
    onEnd: ({ tenant, signal }) => told.push(`${tenant} ${signal} over`),
    ...(tenantsMax === undefined ? {} : { tenantsMax }),
  });
  const dice = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const pass = (ms: number) => {
    now += ms;
  };
  /** So many executions over one window, of which so large a share has the signal. */
  const window = (share: number, { count = 100, signal = 'timeouts' as Signal, of = 'a' } = {}) => {
    for (let at = 0; at < count; at += 1) {
      pass(WINDOW_MS / (count - 1));
      anomalies.ended(of, dice() < share ? [signal] : []);
    }
  };
  return { anomalies, told, pass, window };
}

test('a tenant whose programs begin to run out of time is told of once, and its end', () => {
  const { anomalies, told, window } = setting();
  for (let times = 0; times < 20; times += 1) window(0.02);
  assert.deepEqual(told, []);
  window(0.6);
  assert.deepEqual(told, ['a timeouts']);
  const [anomaly] = anomalies.now();
  assert.ok(anomaly && anomaly.share > 0.3 && anomaly.usual < 0.05 && anomaly.count >= 20);
  window(0.02);
  window(0.02);
  assert.deepEqual(told, ['a timeouts', 'a timeouts over']);
  assert.deepEqual(anomalies.now(), []);
});

for (const share of [0, 0.05, 0.3, 0.5, 0.95]) {
  test(`whoever has always been like that is not unusual: ${share}`, () => {
    const { told, window } = setting();
    for (let times = 0; times < 500; times += 1) window(share);
    assert.deepEqual(told, []);
  });
}

test('whoever changes all the time is not unusual by changing', () => {
  const { told, window } = setting();
  for (let times = 0; times < 200; times += 1) window(times % 3 === 0 ? 0.4 : 0.05);
  assert.deepEqual(told, []);
});

test('without a past, or of a few, nothing is said', () => {
  const { told, window } = setting();
  for (let times = 0; times < 6; times += 1) window(times === 5 ? 1 : 0);
  assert.deepEqual(told, [], 'six windows are a past, five are none');
  const few = setting();
  for (let times = 0; times < 20; times += 1) few.window(0);
  few.window(1, { count: 9 });
  assert.deepEqual(few.told, [], 'nine timeouts are no anomaly');
  few.window(1, { count: 20 });
  assert.deepEqual(few.told, ['a timeouts']);
});

test('a new habit is one after a while', () => {
  const { told, window } = setting();
  for (let times = 0; times < 20; times += 1) window(0);
  for (let times = 0; times < 60; times += 1) window(0.5);
  assert.deepEqual(told, ['a timeouts', 'a timeouts over']);
});

test('tenants are compared with themselves, and signals for themselves', () => {
  const { told, window } = setting();
  for (let times = 0; times < 10; times += 1) {
    window(0.5, { of: 'wild' });
    window(0, { of: 'calm' });
  }
  window(0.5, { of: 'calm', signal: 'limits' });
  window(0.5, { of: 'wild' });
  assert.deepEqual(told, ['calm limits']);
});

test('faults of sandboxes count sooner: they are never usual', () => {
  const { told, window } = setting();
  for (let times = 0; times < 10; times += 1) window(0);
  window(0.3, { count: 25, signal: 'faults' });
  assert.deepEqual(told, ['a faults']);
});

test('who goes silent, and who is forgotten, is not unusual any more', () => {
  const { anomalies, told, pass, window } = setting(2);
  for (let times = 0; times < 10; times += 1) window(0);
  window(0.9);
  pass(1_800_001);
  assert.deepEqual(anomalies.now(), []);
  window(0.9);
  assert.deepEqual(told, ['a timeouts', 'a timeouts over', 'a timeouts']);
  for (const of of ['b', 'c']) window(0, { of });
  assert.deepEqual(told.slice(3), ['a timeouts over']);
});
