/** Random numbers that are the same for the same seed (mulberry32). */
export interface Random {
  /** From 0 up to this, without it. */
  below(count: number): number;
  pick<T>(from: readonly T[]): T;
  chance(share: number): boolean;
  bytes(count: number): Buffer;
  times<T>(most: number, make: () => T): T[];
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    pick: <T>(from: readonly T[]): T => {
      const one = from[below(from.length)];
      if (one === undefined) throw new Error('nothing to pick from');
      return one;
    },
    chance: (share) => next() < share,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
    times: (most, make) => Array.from({ length: below(most + 1) }, make),
  };
}
