import { type Counts, createCounts } from '@gozolite/contract/memory/counts';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Clock } from '../clock.js';
import { type Ahead, createLine, type Place as PlaceInLine, type Standing } from './line.js';
import { createRoom, type Reservation, type Room, type RoomOptions } from './room.js';

/** How many may wait, and how long. */
export interface WaitBounds {
  /** Waiters at once, of all tenants and of one. */
  readonly waitersMax: number;
  readonly waitersPerTenantMax: number;
  readonly waitMsMax: number;
}

export interface QueueOptions extends WaitBounds, RoomOptions {
  readonly clock: Clock;
  /** Of those that nobody waits for; absent: as the others'. */
  readonly kept?: WaitBounds | undefined;
}

/** Who asks for a slot. */
export interface Asked extends Omit<Standing, 'cost'> {
  /** What it has to itself from when it is let in until its slot is given back. */
  readonly reserve: Reservation;
  /** Whether a caller waits for it, or it is kept until somebody asks. Each has its own bounds. */
  readonly patience: Patience;
  /** Its abort gives the place up at once. */
  readonly signal: AbortSignal;
}

export type Patience = 'caller' | 'kept';

/** The right to run. Disposing of it, once, lets in who is next and fits. */
export type Slot = Disposable;

export type Admission =
  | { readonly kind: 'slot'; readonly slot: Slot }
  /** It had a place, and its wait ran out. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' };

/** How much longer, as far as is known, with what those before it reserve. */
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
  /** Why `enter` has no place for anything of this tenant's; cheap, and undefined where it may. */
  fullFor(tenant: string, patience: Patience): Refusal | undefined;
  load(): { readonly running: number; readonly queued: number };
  /** By all that run, together. */
  reserved(): Reservation;
}

/** How much one more execution moves the foreseen length of the next. */
const HOLD_WEIGHT = 0.1;
const RETRY_AFTER_MS_MIN = 100;
const RETRY_AFTER_MS_MAX = 30_000;

export function createQueue(options: QueueOptions): Queue {
  const { clock } = options;
  const bounds = { caller: options, kept: options.kept ?? options };
  const counts = { caller: createCounts(), kept: createCounts() };
  const line = createLine<Waiter>();
  const room = createRoom(options);
  const { foreseenMs, take: takeSlot } = createSlots(options, room, () => letIn());
  // Nobody passes one that does not fit yet: so it waits for what runs, and for nothing else.
  const letIn = (): void => {
    for (;;) {
      const first = line.first();
      if (first === undefined || !room.hasFor(first.reserve)) return;
      line.takeNext();
      first.enter(takeSlot(first.reserve));
    }
  };
  const wait = (asked: Costed): Place => {
    const { signal, patience, tenant, reserve, cost } = asked;
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
      const leave = (admitted: Admission) => {
        end(admitted);
        letIn(); // Who stood behind it may fit.
      };
      const cancel = () => leave({ kind: 'cancelled' });
      counts[patience].add(tenant, 1);
      place = line.join(asked, { reserve, enter: (slot) => end({ kind: 'slot', slot }) });
      const callOff = clock.schedule(bounds[patience].waitMsMax, () => leave({ kind: 'expired' }));
      signal.addEventListener('abort', cancel, { once: true });
    });
    const waiting = (): Waiting | undefined => {
      if (place === undefined) return undefined;
      const ahead = place.ahead();
      const expectedMs = Math.ceil(foreseenMs(ahead.cost + cost));
      return { position: ahead.count + 1, expectedMs };
    };
    return { admission, waiting };
  };
  const noPlace = (tenant: string, patience: Patience): Refusal | undefined => {
    const full = fullness(bounds[patience], counts[patience], tenant);
    return full === undefined ? undefined : overloaded(full, foreseenMs(1));
  };
  const obstacle = ({ patience, tenant, cost }: Costed, ahead: Ahead): Refusal | undefined =>
    noPlace(tenant, patience) ?? tooLong(foreseenMs(ahead.cost + cost), bounds[patience]);

  return {
    load: () => ({ running: room.running(), queued: line.length() }),
    reserved: room.reserved,
    // With a slot free what is small enough need not wait.
    fullFor: (tenant, patience) =>
      room.running() < options.concurrency ? undefined : noPlace(tenant, patience),
    enter: (asked) => {
      if (asked.signal.aborted) return ok(withoutWaiting({ kind: 'cancelled' }));
      const { reserve } = asked;
      const costed = { ...asked, cost: room.costOf(reserve) };
      const ahead = line.aheadOf(costed);
      if (ahead.count === 0 && room.hasFor(reserve)) {
        line.pass(costed);
        return ok(withoutWaiting({ kind: 'slot', slot: takeSlot(reserve) }));
      }
      const refusal = obstacle(costed, ahead);
      return refusal === undefined ? ok(wait(costed)) : refuse(refusal);
    },
  };
}

interface Costed extends Asked {
  readonly cost: number;
}

/** Slots of that room, and how long they are held. */
function createSlots({ clock, concurrency }: QueueOptions, room: Room, onFree: () => void) {
  let holdMs = 0;
  return {
    foreseenMs: (cost: number) => (cost * holdMs) / concurrency,
    take: (reserve: Reservation): Slot => {
      const giveBack = room.take(reserve);
      const takenAtMs = clock.monotonicMs();
      let isHeld = true;
      return {
        [Symbol.dispose]: () => {
          if (!isHeld) return;
          isHeld = false;
          giveBack();
          const heldMs = clock.monotonicMs() - takenAtMs;
          holdMs = holdMs === 0 ? heldMs : holdMs + HOLD_WEIGHT * (heldMs - holdMs);
          onFree();
        },
      };
    },
  };
}

interface Waiter {
  readonly reserve: Reservation;
  readonly enter: (slot: Slot) => void;
}

function withoutWaiting(admission: Admission): Place {
  return { admission: Promise.resolve(admission), waiting: () => undefined };
}

function tooLong(waitMs: number, { waitMsMax }: WaitBounds): Refusal | undefined {
  if (waitMs <= waitMsMax) return undefined;
  return overloaded('wait foreseen as too long', waitMs - waitMsMax);
}

function fullness(bounds: WaitBounds, { all, of }: Counts, tenant: string): string | undefined {
  if (all() >= bounds.waitersMax) return 'queue full';
  return of(tenant) >= bounds.waitersPerTenantMax ? 'tenant has its share of the queue' : undefined;
}

function overloaded(detail: string, retryAfterMs: number): Refusal {
  const bounded = Math.min(Math.max(retryAfterMs, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX);
  return { code: 'OVERLOADED', detail, retryAfterMs: Math.ceil(bounded) };
}
