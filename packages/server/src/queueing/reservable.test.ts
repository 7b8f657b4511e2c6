import assert from 'node:assert/strict';
import { test } from 'vitest';
import { memoryHereKb, readReservable } from './reservable.js';

const MIB = 1024;
const GIB = 1024 * MIB;

/** Of a machine where nothing is set but this. */
function reservable(
  machine: { concurrency?: number; memoryKb?: number },
  set: Record<string, number> = {},
) {
  const read = {
    integer: (name: string, { fallback }: { fallback: number }) => set[name] ?? fallback,
  };
  return readReservable(read, { cores: 4, concurrency: 8, memoryKb: 64 * GIB, ...machine });
}

test('four fifths of the memory, and the CPUs as often as slots may be given them', () => {
  assert.deepEqual(reservable({}), { memoryKb: Math.ceil(0.8 * 64 * MIB) * MIB, cpus: 16 });
});

test('every slot has room for what an execution gets that asks for nothing', () => {
  assert.equal(reservable({ memoryKb: 8 * GIB }).memoryKb, 8 * GIB);
  assert.equal(reservable({ memoryKb: 8 * GIB, concurrency: 100 }).memoryKb, 100 * GIB);
  assert.equal(reservable({ concurrency: 1 }).cpus, 4);
});

test('what is set is what holds, also where it is less', () => {
  const set = { GOZO_RESERVABLE_MEMORY_MB: 512, GOZO_RESERVABLE_CPUS: 2 };
  assert.deepEqual(reservable({}, set), { memoryKb: 512 * MIB, cpus: 2 });
});

test('a group that gives less than the machine has is believed; one without a limit is not', () => {
  assert.equal(memoryHereKb(8 * 1024, 2 * 1024), 2);
  assert.equal(memoryHereKb(8 * 1024, 0), 8);
  assert.equal(memoryHereKb(8 * 1024, 2 ** 63), 8);
});
