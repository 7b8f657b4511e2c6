import type { PoolOptions } from '@gozolite/engine/demand/demand';

export interface IntegerReader {
  integer(name: string, bounds: { min: number; max: number; fallback: number }): number;
}

const MIB_KB = 1024;
const MEMORY_MB_MAX = 1024;

/** What is kept ready: docs/reference/preparation.md. */
export function readPool(read: IntegerReader, ramKb: number): PoolOptions {
  const tenthMb = Math.floor(ramKb / 10 / MIB_KB);
  const fallback = Math.min(MEMORY_MB_MAX, tenthMb);
  const ceiling = read.integer('GOZO_POOL_CEILING', { min: 0, max: 64, fallback: 8 });
  const floor = read.integer('GOZO_POOL_FLOOR', { min: 0, max: 64, fallback: 1 });
  const keepS = read.integer('GOZO_POOL_KEEP_S', { min: 1, max: 86_400, fallback: 600 });
  const ageS = read.integer('GOZO_POOL_AGE_S', { min: 1, max: 3_600, fallback: 300 });
  const memoryMb = read.integer('GOZO_POOL_MEMORY_MB', { min: 0, max: 1_048_576, fallback });
  return {
    memoryKbMax: memoryMb * MIB_KB,
    floor: Math.min(floor, ceiling),
    ceiling,
    keepMs: keepS * 1000,
    ageMs: ageS * 1000,
  };
}
