import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createThrottle, FAILURE_MS, FAILURES_MAX } from './throttle.js';

function setting() {
  let nowMs = 1000;
  const throttle = createThrottle(() => nowMs);
  const fail = (address: string, times: number) => {
    for (let count = 0; count < times; count += 1) throttle.fail(address);
  };
  return {
    throttle,
    fail,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('ten wrong keys are looked at, then one more each six seconds', () => {
  const { throttle, fail, pass } = setting();
  fail('1.2.3.4', FAILURES_MAX - 1);
  assert.equal(throttle.waitMs('1.2.3.4'), 0);
  fail('1.2.3.4', 1);
  assert.equal(throttle.waitMs('1.2.3.4'), FAILURE_MS);
  pass(FAILURE_MS - 1);
  assert.equal(throttle.waitMs('1.2.3.4'), 1);
  pass(1);
  assert.equal(throttle.waitMs('1.2.3.4'), 0);
  fail('1.2.3.4', 1);
  assert.equal(throttle.waitMs('1.2.3.4'), FAILURE_MS);
});

test('what is looked at counts as failed until it has ended, and then as what it was', async () => {
  const { throttle, fail } = setting();
  fail('1.2.3.4', FAILURES_MAX - 2);
  const [right, wrong] = [throttle.begin('1.2.3.4'), throttle.begin('1.2.3.4')];
  assert.equal(throttle.begin('1.2.3.4'), undefined);
  assert.ok(throttle.begin('1.2.3.5'), 'another address is not held up');
  const ended = throttle.oneEnded('1.2.3.4');
  right?.end(false);
  await ended;
  throttle.begin('1.2.3.4')?.end(true);
  assert.equal(throttle.waitMs('1.2.3.4'), 0);
  wrong?.end(true);
  assert.equal(throttle.waitMs('1.2.3.4'), FAILURE_MS);
  await throttle.oneEnded('1.2.3.4');
});

test('another address is not held up, but the same /64 of IPv6 is', () => {
  const { throttle, fail } = setting();
  fail('1.2.3.4', 50);
  assert.equal(throttle.waitMs('1.2.3.5'), 0);
  fail('2001:db8:1:2::1', 50);
  assert.ok(throttle.waitMs('2001:db8:1:2:ffff:0:0:9') > 0);
  assert.equal(throttle.waitMs('2001:db8:1:3::1'), 0);
  assert.equal(throttle.waitMs('::1'), 0);
});

test('a mapped address is the one of IPv4', () => {
  const { throttle, fail } = setting();
  fail('::ffff:1.2.3.4', 50);
  assert.ok(throttle.waitMs('::ffff:1.2.3.4') > 0);
  assert.equal(throttle.waitMs('::ffff:1.2.3.5'), 0);
});

test('a flood from 20,000 addresses forgets the oldest and keeps the newest', () => {
  const { throttle, fail } = setting();
  for (let at = 0; at < 20_000; at += 1) fail(`10.0.${at >> 8}.${at & 255}`, FAILURES_MAX);
  assert.equal(throttle.waitMs('10.0.0.0'), 0);
  assert.ok(throttle.waitMs(`10.0.${19_999 >> 8}.${19_999 & 255}`) > 0);
});
