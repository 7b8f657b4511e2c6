/** What is known of one kind of request. */
export interface Need {
  /** The most that came within a second of the last minute. */
  readonly busiest: number;
  /** All that came in the last minute. */
  readonly recent: number;
  /** Since the last one. */
  readonly idleMs: number;
  /** Of one sandbox that waits for such a request. */
  readonly memoryKb: number;
}

export interface PoolBounds {
  /** Of all that wait together. */
  readonly memoryKbMax: number;
  /** Of one kind of request: at least and at most so many, while it is asked for. */
  readonly floor: number;
  readonly ceiling: number;
  /** How long after its last request a kind is kept ready. */
  readonly keepMs: number;
}

/** The host's memory at one moment; undefined is what it does not tell. */
export interface HostMemory {
  readonly totalKb: number;
  readonly availableKb: number | undefined;
  /** The share of the last ten seconds in which nothing went on for want of memory, per cent. */
  readonly stalled: number | undefined;
}

/** What the pool leaves to others at least, on a host that has four times as much. */
const LEFT_KB = 768 * 1024;
/** So much stalling, on a host with less than a quarter of its memory to give, is being short. */
const STALLED_MAX = 10;

/**
 * What the pool may take now: its bound, and never what the host needs for something else.
 * @param heldKb what it takes already
 */
export function budgetKb(bounds: PoolBounds, host: HostMemory, heldKb: number): number {
  const { totalKb, availableKb, stalled = 0 } = host;
  if (availableKb === undefined) return bounds.memoryKbMax;
  if (stalled >= STALLED_MAX && availableKb < totalKb / 4) return 0;
  const leftKb = Math.min(LEFT_KB, totalKb / 4);
  return Math.min(bounds.memoryKbMax, Math.max(0, availableKb + heldKb - leftKb));
}

/** How many should wait for requests of one kind, whatever there is room for. */
export function wanted(need: Pick<Need, 'busiest' | 'idleMs'>, bounds: PoolBounds): number {
  if (need.idleMs >= bounds.keepMs) return 0;
  return Math.min(Math.max(need.busiest, bounds.floor), bounds.ceiling);
}

/**
 * How many wait for each kind, within a budget: the first for all of them before the second for
 * any, and those that are asked for most before others.
 */
export function sizes(
  needs: readonly Need[],
  bounds: PoolBounds,
  budget: number,
): readonly number[] {
  const counts = needs.map(() => 0);
  const byUse = needs
    .map((need, at) => ({ need, at, most: wanted(need, bounds) }))
    .sort(({ need: a }, { need: b }) => b.recent - a.recent || a.idleMs - b.idleMs);
  let leftKb = budget;
  for (let round = 1; round <= bounds.ceiling; round += 1) {
    for (const { need, at, most } of byUse) {
      if (most < round || counts[at] !== round - 1 || need.memoryKb > leftKb) continue;
      counts[at] = round;
      leftKb -= need.memoryKb;
    }
  }
  return counts;
}
