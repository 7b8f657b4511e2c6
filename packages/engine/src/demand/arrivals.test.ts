import { expect, test } from 'vitest';
import { createArrivals } from './arrivals.js';

test('the busiest second of the last minute counts, and is forgotten after it', () => {
  const arrivals = createArrivals();
  expect(arrivals.busiest(0)).toBe(0);
  for (const atMs of [5_000, 5_999, 6_000]) arrivals.note(atMs);
  expect([arrivals.busiest(6_000), arrivals.total(6_000)]).toEqual([2, 3]);
  expect([arrivals.busiest(64_999), arrivals.total(64_999)]).toEqual([2, 3]);
  expect([arrivals.busiest(65_000), arrivals.total(65_000)]).toEqual([1, 1]);
  expect([arrivals.busiest(66_000), arrivals.total(66_000)]).toEqual([0, 0]);
});

test('a pause of any length empties the window', () => {
  const arrivals = createArrivals();
  arrivals.note(1_000);
  expect(arrivals.total(10_000_000)).toBe(0);
  arrivals.note(10_000_000);
  expect(arrivals.total(10_000_000)).toBe(1);
});
