/** How far back the moving window reaches, and the step that it moves by. */
const WINDOW_S = 60;
const SECOND_MS = 1000;

/** The requests of the last minute, counted by the second. */
export interface Arrivals {
  note(nowMs: number): void;
  /** The most that came within one second of the last minute. */
  busiest(nowMs: number): number;
  /** All of the last minute. */
  total(nowMs: number): number;
}

export function createArrivals(): Arrivals {
  const counts = new Array<number>(WINDOW_S).fill(0);
  let lastS = Number.NEGATIVE_INFINITY;

  /** Empties the seconds that have passed since the last look. */
  const moveTo = (nowMs: number): void => {
    const nowS = Math.floor(nowMs / SECOND_MS);
    const from = Math.max(lastS + 1, nowS - WINDOW_S + 1);
    for (let second = from; second <= nowS; second += 1) counts[second % WINDOW_S] = 0;
    lastS = Math.max(lastS, nowS);
  };
  return {
    note: (nowMs) => {
      moveTo(nowMs);
      const at = lastS % WINDOW_S;
      counts[at] = (counts[at] ?? 0) + 1;
    },
    busiest: (nowMs) => {
      moveTo(nowMs);
      return Math.max(...counts);
    },
    total: (nowMs) => {
      moveTo(nowMs);
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}
