import type { Execution, Isolation } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Backend } from '@gozolite/sandbox/backend';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Admitted, MissingToolchain } from './admitted.js';
import type { Clock } from './clock.js';
import type { Demand } from './demand/demand.js';
import { type ExecuteDeps, execute } from './execute.js';
import { createIsolationMemory } from './isolation.js';
import { createQueue } from './queue/queue.js';
import { missingToolchainRecord, NO_TIME, recordOf } from './record.js';
import { createTurns } from './turns.js';

export interface EngineDeps {
  readonly backend: Backend;
  readonly log: Logger;
  readonly clock: Clock;
  /** What decides what is kept ready; absent where requests are to leave no trace in it. */
  readonly demand?: Demand;
  /** Executions at once, at least 1. */
  readonly concurrency: number;
  /** Executions waiting at once, of all tenants and of one. */
  readonly queueMax: number;
  readonly queuePerTenantMax: number;
  readonly queueWaitMsMax: number;
}

export interface Engine extends AsyncDisposable {
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
    waitersMax: deps.queueMax,
    waitersPerTenantMax: deps.queuePerTenantMax,
    waitMsMax: deps.queueWaitMsMax,
  });
  const turn = createTurns();
  const { demand } = deps;
  const stages: ExecuteDeps = { backend, queue, isolation, log, clock, turn, demand };
  const living = new Map<AbortController, Promise<unknown>>();
  let isDraining = false;

  const live = async (admitted: Admitted, signal: AbortSignal) => {
    try {
      return await execute(stages, admitted, signal);
    } catch (error) {
      log.error({ executionId: admitted.id, error }, 'execution failed inside the engine');
      return ok(internalFailure(admitted, isolation.last()));
    }
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
    isolation: () => isolation.last(),
    missing: async (request) => {
      await isolation.refresh();
      return missingToolchainRecord(request, isolation.last());
    },
    execute: async (admitted, signal) => {
      if (isDraining) return refuse(DRAINING);
      // Not AbortSignal.any: what it makes of a long-lived signal is kept for that signal's life.
      const cancelled = new AbortController();
      const cancel = () => cancelled.abort();
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      const life = live(admitted, cancelled.signal);
      living.set(cancelled, life);
      try {
        return await life;
      } finally {
        living.delete(cancelled);
        signal.removeEventListener('abort', cancel);
      }
    },
    [Symbol.asyncDispose]: () => drain(0),
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
