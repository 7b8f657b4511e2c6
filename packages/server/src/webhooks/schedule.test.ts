import { expect, test } from 'vitest';
import { DELAYS_MS, delayAfter } from './schedule.js';

const never = () => 0;

test('ten attempts in 75 hours, 35 minutes and 5 seconds, as Standard Webhooks has it', () => {
  const total = DELAYS_MS.reduce((sum, each) => sum + each, 0);
  expect(total).toBe(1000 * (75 * 3600 + 35 * 60 + 5));
  expect(delayAfter(1, 0, never)).toBe(5000);
  expect(delayAfter(9, 0, never)).toBe(24 * 3_600_000);
  expect(delayAfter(10, 0, never)).toBeUndefined();
});

test('jitter makes it later, by a fifth at most', () => {
  expect(delayAfter(1, 0, () => 1)).toBe(6000);
  expect(delayAfter(2, 0, () => 0.5)).toBe(330_000);
});

test('a receiver may ask for more time, up to a day, and never for less', () => {
  expect(delayAfter(1, 60_000, never)).toBe(60_000);
  expect(delayAfter(2, 1000, never)).toBe(300_000);
  expect(delayAfter(1, 1e12, never)).toBe(24 * 3_600_000);
});
