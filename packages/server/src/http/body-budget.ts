import type { IncomingHttpHeaders } from 'node:http';

/** Bodies this small are bounded by the number of connections. */
const FREE_BYTES = 64 * 1024;

/** Bounds the bytes of all bodies that are arriving or belong to unanswered requests. */
export interface BodyBudget {
  /** @returns what gives the bytes back, or undefined where there is no room for them. */
  take(bytes: number): (() => void) | undefined;
}

export function createBodyBudget(bytesMax: number): BodyBudget {
  let held = 0;
  return {
    take: (bytes) => {
      if (bytes <= FREE_BYTES) return () => {};
      if (held + bytes > bytesMax) return undefined;
      held += bytes;
      let isGiven = false;
      return () => {
        if (!isGiven) held -= bytes;
        isGiven = true;
      };
    },
  };
}

/** What a request's body may grow to: its announced length, or the most there can be. */
export function announcedBytes(headers: IncomingHttpHeaders, bytesMax: number): number {
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (Number.isSafeInteger(length)) return Math.min(length, bytesMax);
  return headers['transfer-encoding'] === undefined ? 0 : bytesMax;
}
