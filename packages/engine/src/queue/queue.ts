import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Clock } from '../clock.js';
import { createLine, type Place as PlaceInLine, type Standing } from './line.js';

/** How many may wait, and how long. */
export interface WaitBounds {
  /** Waiters at once, of all tenants and of one. */
  readonly waitersMax: number;
  readonly waitersPerTenantMax: number;
  readonly waitMsMax: number;
}

export interface QueueOptions extends WaitBounds {
  readonly clock: Clock;
  /** Slots: how many are let in at once. */
  readonly concurrency: number;
  /** Of those that nobody waits for; absent: as the others'. */
  readonly kept?: WaitBounds | undefined;
}

/** Who asks for a slot. */
export interface Asked extends Standing {
  /** Whether a caller waits for it, or it is kept until somebody asks. Each has its own bounds. */
  readonly patience: Patience;
  /** Its abort gives the place up at once. */
  readonly signal: AbortSignal;
}

export type Patience = 'caller' | 'kept';

/** The right to run. Disposing of it, once, lets the next waiter in. */
export type Slot = Disposable;

export type Admission =
  | { readonly kind: 'slot'; readonly slot: Slot }
  /** It had a place, and its wait ran out. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' };

/** How much longer, as far as is known. */
export interface Waiting {
  /** 1: the next that is let in. */
  readonly position: number;
  readonly expectedMs: number;
}

export interface Place {
  readonly admission: Promise<Admission>;
  /** Undefined where it does not wait. */
  waiting(): Waiting | undefined;
}

export interface Queue {
  /**
   * Takes a place for one execution.
   * @returns `OVERLOADED` at once where there is no place, or where the wait is foreseen too long
   */
  enter(asked: Asked): Result<Place, Refusal>;
  load(): { readonly running: number; readonly queued: number };
}

/** How much one more execution moves the foreseen length of the next. */
const HOLD_WEIGHT = 0.1;
const RETRY_AFTER_MS_MIN = 100;
const RETRY_AFTER_MS_MAX = 30_000;

export function createQueue(options: QueueOptions): Queue {
  const { clock, concurrency } = options;
  const bounds = { caller: options, kept: options.kept ?? options };
  const counts = { caller: createCounts(), kept: createCounts() };
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
  const wait = (asked: Asked): Place => {
    const { signal, patience, tenant } = asked;
    let place: PlaceInLine | undefined;
    const admission = new Promise<Admission>((resolve) => {
      const end = (admitted: Admission) => {
        place?.leave();
        place = undefined;
        counts[patience].add(tenant, -1);
        callOff();
        signal.removeEventListener('abort', cancel);
        resolve(admitted);
      };
      const cancel = () => end({ kind: 'cancelled' });
      counts[patience].add(tenant, 1);
      place = line.join(asked, (slot) => end({ kind: 'slot', slot }));
      const { waitMsMax } = bounds[patience];
      const callOff = clock.schedule(waitMsMax, () => end({ kind: 'expired' }));
      signal.addEventListener('abort', cancel, { once: true });
    });
    const waiting = (): Waiting | undefined => {
      if (place === undefined) return undefined;
      const position = place.ahead() + 1;
      return { position, expectedMs: Math.ceil(foreseenMs(position)) };
    };
    return { admission, waiting };
  };
  const obstacle = (asked: Asked): Refusal | undefined => {
    const { all, of } = counts[asked.patience];
    const full = fullness(bounds[asked.patience], all(), of(asked.tenant));
    if (full !== undefined) return overloaded(full, foreseenMs(1));
    const { waitMsMax } = bounds[asked.patience];
    const waitMs = foreseenMs(line.aheadOf(asked) + 1);
    if (waitMs <= waitMsMax) return undefined;
    return overloaded('wait foreseen as too long', waitMs - waitMsMax);
  };

  return {
    load: () => ({ running, queued: line.length() }),
    enter: (asked) => {
      if (asked.signal.aborted) return ok(withoutWaiting({ kind: 'cancelled' }));
      if (running < concurrency) {
        line.pass(asked);
        return ok(withoutWaiting({ kind: 'slot', slot: takeSlot() }));
      }
      const refusal = obstacle(asked);
      return refusal === undefined ? ok(wait(asked)) : refuse(refusal);
    },
  };
}

function withoutWaiting(admission: Admission): Place {
  return { admission: Promise.resolve(admission), waiting: () => undefined };
}

function fullness(bounds: WaitBounds, all: number, own: number): string | undefined {
  if (all >= bounds.waitersMax) return 'queue full';
  return own >= bounds.waitersPerTenantMax ? 'tenant has its share of the queue' : undefined;
}

function createCounts() {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    all: () => total,
    of: (tenant: string) => counts.get(tenant) ?? 0,
    add: (tenant: string, change: 1 | -1) => {
      total += change;
      const count = (counts.get(tenant) ?? 0) + change;
      if (count > 0) counts.set(tenant, count);
      else counts.delete(tenant); // Else the map would keep every tenant there ever was.
    },
  };
}

function overloaded(detail: string, retryAfterMs: number): Refusal {
  const bounded = Math.min(Math.max(retryAfterMs, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX);
  return { code: 'OVERLOADED', detail, retryAfterMs: Math.ceil(bounded) };
}
