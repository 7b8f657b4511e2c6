import { describe, expect, test } from 'vitest';
import { createRoom, type Reservation } from './room.js';

const reservable = { memoryKb: 1_000, cpus: 8 };
const of = (memoryKb: number, cpus = 1): Reservation => ({ memoryKb, cpus });

describe('room', () => {
  for (const [what, first, fits, not] of [
    ['memory', of(600), of(400), of(401)],
    ['CPUs', of(1, 5), of(1, 3), of(1, 4)],
  ] as const) {
    test(`is there for the last of the ${what}, and for no more`, () => {
      const room = createRoom({ concurrency: 4, reservable });
      room.take(first);
      expect([room.hasFor(fits), room.hasFor(not)]).toEqual([true, false]);
    });
  }

  test('is as many slots as there are, however little each reserves', () => {
    const room = createRoom({ concurrency: 2, reservable });
    room.take(of(1));
    expect(room.hasFor(of(1))).toBe(true);
    room.take(of(1));
    expect(room.hasFor(of(1))).toBe(false);
  });

  test('comes back as it was taken', () => {
    const room = createRoom({ concurrency: 2, reservable });
    const giveBack = room.take(of(700, 3));
    expect(room.reserved()).toEqual({ memoryKb: 700, cpus: 3 });
    giveBack();
    expect([room.reserved(), room.running()]).toEqual([{ memoryKb: 0, cpus: 0 }, 0]);
  });

  test('is there for what is larger than all of it when nothing runs, and then for nothing', () => {
    const room = createRoom({ concurrency: 4, reservable });
    const giveBack = room.take(of(1));
    expect(room.hasFor(of(5_000, 1))).toBe(false);
    giveBack();
    expect(room.hasFor(of(5_000, 1))).toBe(true);
    room.take(of(5_000, 1));
    expect(room.reserved()).toEqual({ memoryKb: 1_000, cpus: 1 });
    expect(room.hasFor(of(1))).toBe(false);
  });

  test('without a bound is one of slots alone', () => {
    const room = createRoom({ concurrency: 2 });
    room.take(of(1e9, 1_000));
    expect(room.hasFor(of(1e9, 1_000))).toBe(true);
    expect(room.costOf(of(1e9, 1_000))).toBe(1);
  });
});

describe('a turn costs', () => {
  const room = createRoom({ concurrency: 4, reservable });
  for (const [name, wanted, cost] of [
    ['one slot, for one share of the memory', of(250), 1],
    ['one slot, for less', of(1), 1],
    ['two, for two shares of the memory', of(500), 2],
    ['two, for two shares of the CPUs, whatever the memory', of(250, 4), 2],
    ['all, for all', of(1_000), 4],
    ['all, for more than there is', of(9_999, 99), 4],
  ] as const) {
    test(name, () => expect(room.costOf(wanted)).toBe(cost));
  }
});
