import { describe, expect, test } from 'vitest';
import { budgetKb, type Need, type PoolBounds, sizes, wanted } from './size.js';

const BOUNDS: PoolBounds = { memoryKbMax: 1_000, floor: 1, ceiling: 8, keepMs: 600_000 };
const need = (change: Partial<Need> = {}): Need => ({
  ...{ busiest: 0, recent: 0, idleMs: 0, memoryKb: 10 },
  ...change,
});

describe('how many are wanted', () => {
  test.each([
    [0, 1],
    [1, 1],
    [2, 2],
    [8, 8],
    [9, 8],
  ])('%d in the busiest second make %d', (busiest, count) => {
    expect(wanted({ busiest, idleMs: 0 }, BOUNDS)).toBe(count);
  });

  test('a kind that nobody has asked for any more is let go of, not a millisecond before', () => {
    expect(wanted({ busiest: 0, idleMs: 599_999 }, BOUNDS)).toBe(1);
    expect(wanted({ busiest: 0, idleMs: 600_000 }, BOUNDS)).toBe(0);
  });

  test('without a floor only what came in the last minute counts', () => {
    expect(wanted({ busiest: 0, idleMs: 0 }, { ...BOUNDS, floor: 0 })).toBe(0);
    expect(wanted({ busiest: 3, idleMs: 0 }, { ...BOUNDS, floor: 0 })).toBe(3);
  });

  test('a ceiling of 0 keeps nothing ready', () => {
    expect(wanted({ busiest: 5, idleMs: 0 }, { ...BOUNDS, floor: 0, ceiling: 0 })).toBe(0);
    expect(sizes([need({ busiest: 5 })], { ...BOUNDS, floor: 0, ceiling: 0 }, 1_000)).toEqual([0]);
  });
});

describe('what fits', () => {
  test('each kind has its first before any has its second', () => {
    const needs = [need({ busiest: 8, recent: 99 }), need(), need({ busiest: 2, recent: 5 })];
    expect(sizes(needs, BOUNDS, 1_000)).toEqual([8, 1, 2]);
    expect(sizes(needs, BOUNDS, 40)).toEqual([2, 1, 1]);
    expect(sizes(needs, BOUNDS, 30)).toEqual([1, 1, 1]);
  });

  test('where not all have one, those have that are asked for most, then those asked last', () => {
    const needs = [need({ idleMs: 50 }), need({ idleMs: 10 }), need({ recent: 2, idleMs: 99 })];
    expect(sizes(needs, BOUNDS, 20)).toEqual([0, 1, 1]);
    expect(sizes(needs, BOUNDS, 10)).toEqual([0, 0, 1]);
    expect(sizes(needs, BOUNDS, 9)).toEqual([0, 0, 0]);
  });

  test('one that is too large leaves its room to the smaller', () => {
    const needs = [need({ recent: 9, memoryKb: 500 }), need({ busiest: 3, memoryKb: 10 })];
    expect(sizes(needs, BOUNDS, 100)).toEqual([0, 3]);
  });
});

describe('the budget', () => {
  const GIB_KB = 1024 * 1024;
  const host = { totalKb: 8 * GIB_KB, availableKb: 4 * GIB_KB, stalled: 0 };
  const bounds = { ...BOUNDS, memoryKbMax: GIB_KB };

  test('is its bound where the host has enough, or says nothing', () => {
    expect(budgetKb(bounds, host, 0)).toBe(GIB_KB);
    const silent = { ...host, availableKb: undefined, stalled: undefined };
    expect(budgetKb(bounds, silent, 0)).toBe(GIB_KB);
  });

  test('is what others leave, with what the pool holds already', () => {
    const short = { ...host, availableKb: GIB_KB };
    expect(budgetKb(bounds, short, 0)).toBe(256 * 1024);
    expect(budgetKb(bounds, short, 1000)).toBe(256 * 1024 + 1000);
    expect(budgetKb(bounds, { ...host, availableKb: 768 * 1024 }, 0)).toBe(0);
    expect(budgetKb(bounds, { ...host, availableKb: 1 }, 0)).toBe(0);
  });

  test('leaves a small host three quarters of its memory to begin with', () => {
    const small = { totalKb: GIB_KB, availableKb: GIB_KB / 2, stalled: 0 };
    expect(budgetKb(bounds, small, 0)).toBe(GIB_KB / 4);
  });

  test('is nothing while a host that is nearly full stalls', () => {
    const stalled = { ...host, availableKb: 2 * GIB_KB - 1, stalled: 10 };
    expect(budgetKb(bounds, stalled, 0)).toBe(0);
    expect(budgetKb(bounds, { ...stalled, stalled: 9.9 }, 0)).toBe(GIB_KB);
    expect(budgetKb(bounds, { ...stalled, availableKb: 2 * GIB_KB }, 0)).toBe(GIB_KB);
  });
});
