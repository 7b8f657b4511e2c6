const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** From one attempt to the next, as Standard Webhooks has it: ten in 75 hours and a half. */
export const DELAYS_MS: readonly number[] = [
  ...[5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR],
  ...[10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
];

/** Later by up to so much of itself: what failed together does not come back together. */
const JITTER = 0.2;
const ASKED_MS_MAX = 24 * HOUR;

/**
 * @param tries how many attempts failed so far, from 1
 * @param askedMs `Retry-After`, where the receiver gave one
 * @returns how long to wait; undefined where that was the last attempt
 */
export function delayAfter(
  tries: number,
  askedMs: number,
  random: () => number,
): number | undefined {
  const delayMs = DELAYS_MS[tries - 1];
  if (delayMs === undefined) return undefined;
  return Math.round(Math.max(delayMs * (1 + JITTER * random()), Math.min(askedMs, ASKED_MS_MAX)));
}
