import { expect, test } from 'vitest';
import { readPool } from './settings.js';

const GIB_KB = 1024 * 1024;
const asSet = (values: Record<string, number>) => ({
  integer: (name: string, { fallback }: { fallback: number }) => values[name] ?? fallback,
});

test('a pool takes a tenth of the memory, and at most one GiB, unless it is told otherwise', () => {
  expect(readPool(asSet({}), 4 * GIB_KB).memoryKbMax).toBe(409 * 1024);
  expect(readPool(asSet({}), 64 * GIB_KB).memoryKbMax).toBe(GIB_KB);
  const told = readPool(asSet({ GOZO_POOL_MEMORY_MB: 4096 }), 4 * GIB_KB);
  expect(told.memoryKbMax).toBe(4 * GIB_KB);
});

test('no floor is above its ceiling', () => {
  const read = readPool(asSet({ GOZO_POOL_FLOOR: 5, GOZO_POOL_CEILING: 3 }), GIB_KB);
  expect([read.floor, read.ceiling]).toEqual([3, 3]);
});
