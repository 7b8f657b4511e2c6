import { isIPv6 } from 'node:net';

/** So many wrong keys at once from one address, then one more each six seconds. */
export const FAILURES_MAX = 10;
export const FAILURE_MS = 6000;
/** More addresses than that forget the oldest: the bound is on our memory, not on them. */
const ADDRESSES_MAX = 10_000;

/** Counts wrong keys by the address that they came from. */
export interface Throttle {
  /** @returns for how long no more is looked at from there, in ms; 0: it is */
  waitMs(address: string): number;
  fail(address: string): void;
}

/** @param nowMs milliseconds that never go back */
export function createThrottle(nowMs: () => number): Throttle {
  /** When the count of each address is down to 0; failures move it on by one step each. */
  const emptyAt = new Map<string, number>();
  return {
    waitMs: (address) => {
      const fullUntil = (emptyAt.get(groupOf(address)) ?? 0) - (FAILURES_MAX - 1) * FAILURE_MS;
      return Math.max(0, fullUntil - nowMs());
    },
    fail: (address) => {
      const group = groupOf(address);
      const next = Math.max(emptyAt.get(group) ?? 0, nowMs()) + FAILURE_MS;
      emptyAt.delete(group);
      emptyAt.set(group, next);
      for (const oldest of emptyAt.keys()) {
        if (emptyAt.size <= ADDRESSES_MAX) break;
        emptyAt.delete(oldest);
      }
    },
  };
}

/** One customer of a network has a whole /64 of IPv6. */
function groupOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head.split(':').filter((group) => group !== '');
  const rest = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = tail === undefined ? [] : Array<string>(8 - groups.length - rest.length).fill('0');
  return [...groups, ...zeros, ...rest].slice(0, 4).join(':');
}
