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
  /**
   * One more is looked at: until that has ended it counts as if it failed. However many come at
   * once, no more are looked at than may fail.
   * @returns undefined where as many are looked at as may fail: wait until one has ended
   */
  begin(address: string): Attempt | undefined;
  /** Resolves when one that is looked at from there has ended; at once where there is none. */
  oneEnded(address: string): Promise<void>;
}

export interface Attempt {
  /** To be called once, whatever it came to. */
  end(isWrong: boolean): void;
}

/** What is looked at from one address. */
interface Pending {
  count: number;
  waiting: (() => void)[];
}

/** @param nowMs milliseconds that never go back */
export function createThrottle(nowMs: () => number): Throttle {
  /** When the count of each address is down to 0; failures move it on by one step each. */
  const emptyAt = new Map<string, number>();
  const pending = new Map<string, Pending>();
  const throttle: Throttle = {
    waitMs: (address) => {
      const fullUntil = (emptyAt.get(groupOf(address)) ?? 0) - (FAILURES_MAX - 1) * FAILURE_MS;
      return Math.max(0, fullUntil - nowMs());
    },
    begin: (address) => {
      const group = groupOf(address);
      const own = pending.get(group) ?? { count: 0, waiting: [] };
      const emptyMs = Math.max(emptyAt.get(group) ?? 0, nowMs()) - nowMs();
      if (emptyMs + own.count * FAILURE_MS > (FAILURES_MAX - 1) * FAILURE_MS) return undefined;
      own.count += 1;
      pending.set(group, own);
      return {
        end: (isWrong) => {
          if (isWrong) throttle.fail(address);
          own.count -= 1;
          if (own.count === 0) pending.delete(group);
          for (const goOn of own.waiting.splice(0)) goOn();
        },
      };
    },
    oneEnded: (address) =>
      new Promise((resolve) => {
        const own = pending.get(groupOf(address));
        if (own === undefined) resolve();
        else own.waiting.push(resolve);
      }),
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
  return throttle;
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
