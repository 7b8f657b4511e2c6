import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Clock } from '../clock.js';
import { createLine } from './line.js';

export interface QueueOptions {
  readonly clock: Clock;
  /** Slots: how many are let in at once. */
  readonly concurrency: number;
  /** Waiters at once, of all tenants and of one. */
  readonly waitersMax: number;
  readonly waitersPerTenantMax: number;
  readonly waitMsMax: number;
}

/** The right to run. Disposing of it, once, lets the next waiter in. */
export type Slot = Disposable;

export type Admission =
  | { readonly kind: 'slot'; readonly slot: Slot }
  /** It had a place, and its wait ran out. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' };

export interface Queue {
  /**
   * Takes a place for one execution.
   * @param signal its abort gives the place up at once
   * @returns `OVERLOADED` at once where there is no place, or where the wait is foreseen too long
   */
  enter(tenant: string, signal: AbortSignal): Result<Promise<Admission>, Refusal>;
  load(): { readonly running: number; readonly queued: number };
}

/** How much one more execution moves the foreseen length of the next. */
const HOLD_WEIGHT = 0.1;
const RETRY_AFTER_MS_MIN = 100;
const RETRY_AFTER_MS_MAX = 30_000;

export function createQueue(options: QueueOptions): Queue {
  const { clock, concurrency, waitMsMax } = options;
  const line = createLine<(slot: Slot) => void>();
  let running = 0;
  let holdMs = 0;

  const foreseenMs = (ahead: number) => (ahead * holdMs) / concurrency;
  const takeSlot = (): Slot => {
    running += 1;
    const takenAtMs = clock.monotonicMs();
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        running -= 1;
        const heldMs = clock.monotonicMs() - takenAtMs;
        holdMs = holdMs === 0 ? heldMs : holdMs + HOLD_WEIGHT * (heldMs - holdMs);
        line.takeNext()?.(takeSlot());
      },
    };
  };
  const wait = (tenant: string, signal: AbortSignal): Promise<Admission> =>
    new Promise((resolve) => {
      const end = (admission: Admission) => {
        leave();
        callOff();
        signal.removeEventListener('abort', cancel);
        resolve(admission);
      };
      const cancel = () => end({ kind: 'cancelled' });
      const leave = line.join(tenant, (slot) => end({ kind: 'slot', slot }));
      const callOff = clock.schedule(waitMsMax, () => end({ kind: 'expired' }));
      signal.addEventListener('abort', cancel, { once: true });
    });
  const obstacle = (tenant: string): Refusal | undefined => {
    if (line.length() >= options.waitersMax) return overloaded('queue full', foreseenMs(1));
    if (line.lengthOf(tenant) >= options.waitersPerTenantMax) {
      return overloaded('tenant has its share of the queue', foreseenMs(1));
    }
    const waitMs = foreseenMs(line.length() + 1);
    if (waitMs <= waitMsMax) return undefined;
    return overloaded('wait foreseen as too long', waitMs - waitMsMax);
  };

  return {
    load: () => ({ running, queued: line.length() }),
    enter: (tenant, signal) => {
      if (signal.aborted) return ok(Promise.resolve({ kind: 'cancelled' }));
      if (running < concurrency) return ok(Promise.resolve({ kind: 'slot', slot: takeSlot() }));
      const refusal = obstacle(tenant);
      return refusal === undefined ? ok(wait(tenant, signal)) : refuse(refusal);
    },
  };
}

function overloaded(detail: string, retryAfterMs: number): Refusal {
  const bounded = Math.min(Math.max(retryAfterMs, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX);
  return { code: 'OVERLOADED', detail, retryAfterMs: Math.ceil(bounded) };
}
