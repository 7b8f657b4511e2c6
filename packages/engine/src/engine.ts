import type { Execution, Isolation } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Backend } from '@gozolite/sandbox/backend';
import type { Interaction } from '@gozolite/sandbox/interaction';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Admitted, MissingToolchain } from './admitted.js';
import type { Clock } from './clock.js';
import type { Demand } from './demand/demand.js';
import { type Begun, type ExecuteDeps, execute, type Watch } from './execute.js';
import { createIsolationMemory } from './isolation.js';
import {
  type Admission,
  createQueue,
  type Patience,
  type WaitBounds,
  type Waiting,
} from './queue/queue.js';
import type { Reservation } from './queue/room.js';
import { missingToolchainRecord, NO_TIME, recordOf } from './record.js';
import { createTurns } from './turns.js';

export interface EngineDeps {
  readonly backend: Backend;
  readonly log: Logger;
  readonly clock: Clock;
  /** What decides what is kept ready; absent where requests are to leave no trace in it. */
  readonly demand?: Demand;
  /** Told of each execution that has its slot. */
  readonly onStarted?: (admitted: Admitted) => void;
  /** Executions at once, at least 1. */
  readonly concurrency: number;
  /** What executions may reserve together while they run; absent: slots alone decide. */
  readonly reservable?: Reservation | undefined;
  /** Executions waiting at once, of all tenants and of one. */
  readonly queueMax: number;
  readonly queuePerTenantMax: number;
  readonly queueWaitMsMax: number;
  /** Of executions that nobody waits for; absent: as of the others. */
  readonly kept?: WaitBounds | undefined;
}

/** How an execution is asked for. */
export interface Asking {
  /** Its abort cancels the execution at once; the record then says `cancelled`. */
  readonly signal: AbortSignal;
  readonly patience: Patience;
  /** No sandbox is asked for before; it must not reject. */
  readonly mayStart?: Promise<void>;
  /** Asked once it has its place, before anything of it starts. @returns why it may not have it */
  readonly admit?: () => Refusal | undefined;
  /**
   * Writes its record down before its end is told to anybody; it must not reject.
   * @returns the record as it is written down
   */
  readonly keep?: (execution: Execution) => Promise<Execution>;
  readonly watch?: Watch;
  readonly interaction?: Interaction;
}

/** An execution that has its place. */
export interface Underway {
  /** Never rejects. */
  readonly end: Promise<Execution>;
  /** Undefined where it does not wait. */
  waiting(): Waiting | undefined;
}

export interface Engine extends AsyncDisposable {
  /** @returns `OVERLOADED` or `DRAINING` at once where it gets no place. Never throws. */
  begin(admitted: Admitted, asking: Asking): Result<Underway, Refusal>;
  /** Why `begin` would refuse whatever this tenant asks for, told before anything is made of it. */
  refuses(tenant: string, patience: Patience): Refusal | undefined;
  /**
   * Takes one execution through its stages.
   * @param signal its abort cancels the execution at once; the record then says `cancelled`
   * @returns the record, or `OVERLOADED` or `DRAINING` where it never had a place. Never throws.
   */
  execute(admitted: Admitted, signal: AbortSignal): Promise<Result<Execution, Refusal>>;
  /** The record of a request whose language has no toolchain here. */
  missing(request: MissingToolchain): Promise<Execution>;
  /** In force as last seen; all layers `missing` while no launcher was ever reached. */
  isolation(): Isolation;
  load(): { readonly running: number; readonly queued: number };
  /** By all executions that run, together. */
  reserved(): Reservation;
  /** Admits nothing more, waits for what is there, and cancels what is left after `waitMs`. */
  drain(waitMs: number): Promise<void>;
}

const DRAINING: Refusal = {
  code: 'DRAINING',
  detail: 'shutting down',
  retryAfterMs: 5_000,
};

/** The engine over one backend, which stays the caller's. Disposing of it cancels what runs. */
export function createEngine(deps: EngineDeps): Engine {
  const { backend, log, clock } = deps;
  const isolation = createIsolationMemory(backend);
  const queue = createQueue({
    clock,
    concurrency: deps.concurrency,
    reservable: deps.reservable,
    waitersMax: deps.queueMax,
    waitersPerTenantMax: deps.queuePerTenantMax,
    waitMsMax: deps.queueWaitMsMax,
    kept: deps.kept,
  });
  const turn = createTurns();
  const { demand, onStarted } = deps;
  const stages: ExecuteDeps = { backend, isolation, log, clock, turn, demand, onStarted };
  const living = new Map<AbortController, Promise<unknown>>();
  let isDraining = false;

  const live = async (begun: Begun): Promise<Execution> => {
    const { admitted } = begun;
    try {
      return await execute(stages, begun);
    } catch (error) {
      const { id: executionId, requestId, span } = admitted;
      const about = { executionId, requestId, traceId: span?.traceId };
      log.error({ ...about, error }, 'execution failed inside the engine');
      return internalFailure(admitted, isolation.last());
    }
  };
  const begin: Engine['begin'] = (admitted, { signal, patience, admit, keep, ...asking }) => {
    if (isDraining) return refuse(DRAINING);
    const { cancelled, over } = following(signal);
    const place = queue.enter({ ...standingOf(admitted, patience), signal: cancelled.signal });
    if (!place.ok) {
      over();
      return place;
    }
    const { admission, waiting } = place.value;
    const refusal = admit?.();
    if (refusal !== undefined) {
      void giveBack(admission, cancelled).finally(over);
      return refuse(refusal);
    }
    const end = live({ admitted, admission, ...asking, signal: cancelled.signal }).finally(() => {
      living.delete(cancelled);
      over();
    });
    living.set(cancelled, end);
    return ok({ end: keep === undefined ? end : end.then(keep), waiting });
  };
  const drain = async (waitMs: number) => {
    isDraining = true;
    const cancelRest = clock.schedule(waitMs, () => {
      for (const cancelled of living.keys()) cancelled.abort();
    });
    await Promise.all(living.values());
    cancelRest();
  };

  return {
    drain,
    load: () => queue.load(),
    reserved: () => queue.reserved(),
    isolation: () => isolation.last(),
    missing: async (request) => {
      await isolation.refresh();
      return missingToolchainRecord(request, isolation.last());
    },
    begin,
    refuses: (tenant, patience) => (isDraining ? DRAINING : queue.fullFor(tenant, patience)),
    execute: executeBy(begin),
    [Symbol.asyncDispose]: () => drain(0),
  };
}

/** A controller that is aborted as the signal is, until it is `over`. */
function following(signal: AbortSignal) {
  // Not AbortSignal.any: what it makes of a long-lived signal is kept for that signal's life.
  const cancelled = new AbortController();
  const cancel = () => cancelled.abort();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  return { cancelled, over: () => signal.removeEventListener('abort', cancel) };
}

/** Whether it waits, or has its slot already. */
async function giveBack(admission: Promise<Admission>, cancelled: AbortController): Promise<void> {
  cancelled.abort();
  const given = await admission;
  if (given.kind === 'slot') given.slot[Symbol.dispose]();
}

/** Of one tenant's that are as urgent, those go first that somebody waits for. */
function standingOf({ tenant, weight = 1, priority = 0, limits }: Admitted, patience: Patience) {
  const rank = 2 * priority + (patience === 'caller' ? 1 : 0);
  return { tenant, weight, patience, rank, reserve: reservationOf(limits) };
}

/** Of the larger stage: only one of them runs at a time. */
function reservationOf({ run, compile = run }: Admitted['limits']): Reservation {
  return {
    memoryKb: Math.max(run.memory_kb, compile.memory_kb),
    cpus: Math.max(run.cpus, compile.cpus),
  };
}

function internalFailure(admitted: Admitted, isolation: Isolation): Execution {
  const judgement = {
    status: 'failed',
    error: 'INTERNAL',
    message: "an error of ours; the server's log has it under this id",
  } as const;
  return recordOf(
    admitted,
    { judgement, artifacts: [], prepared: false, timings: NO_TIME },
    isolation,
  );
}

/** Begins it so, and waits for its end: for an engine that begins in another way, too. */
export function executeBy(begin: Engine['begin']): Engine['execute'] {
  return async (admitted, signal) => {
    const begun = begin(admitted, { signal, patience: 'caller' });
    return begun.ok ? ok(await begun.value.end) : begun;
  };
}
