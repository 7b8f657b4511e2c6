import type { Pool } from '@gozolite/contract/pool/pool';
import { type Backend, BackendUnavailable, type SandboxCommand } from '@gozolite/sandbox/backend';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Clock } from '../clock.js';
import { type About, isForeseeable, kindOf } from './kind.js';
import { createKinds, type Decision } from './kinds.js';
import { createScores } from './scores.js';
import type { HostMemory, PoolBounds } from './size.js';

export interface PoolOptions extends PoolBounds {
  /** How long one sandbox waits before another takes its place. */
  readonly ageMs: number;
}

export interface DemandDeps {
  readonly backend: Pick<Backend, 'keepReady'>;
  readonly options: PoolOptions;
  readonly host: () => HostMemory;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Decides what is kept ready for requests to come, and has the backend keep it. */
export interface Demand extends Disposable {
  /** A command is about to run. */
  asked(command: SandboxCommand, about: About): void;
  /** It ran, in a sandbox that was ready or not. */
  served(command: SandboxCommand, about: About, prepared: boolean): void;
  /** What is kept ready now; undefined where the backend keeps nothing. */
  state(): Promise<Pool | undefined>;
}

/** A kind that was not seen before is ordered for soon; counts change at leisure. */
const SOON_MS = 20;
const CHANGE_MS = 1_000;
/** Between two looks at the host's memory and the pool, while there is one. */
const PERIOD_MS = 5_000;

export function createDemand({ backend, options, host, log, clock }: DemandDeps): Demand {
  const kinds = createKinds(options);
  const scores = createScores();
  let budgetKb = options.memoryKbMax;
  const tell = async (): Promise<void> => {
    const decision: Decision = kinds.decide(host(), clock.monotonicMs());
    budgetKb = decision.budgetKb;
    kinds.kept(decision, (await backend.keepReady?.(decision.lines, options.ageMs)) ?? []);
  };
  const teller = createTeller({ tell, log });
  const alarm = createAlarm(clock, async () => {
    await teller.tell();
    if (!kinds.isEmpty()) alarm.wake(PERIOD_MS);
  });
  const isServed = backend.keepReady !== undefined;
  return {
    asked: (command, about) => {
      const kind = isServed ? kindOf(command, about) : undefined;
      if (kind === undefined) return;
      const change = kinds.asked(kind, clock.monotonicMs());
      if (change !== 'same') alarm.wake(change === 'new' ? SOON_MS : CHANGE_MS);
    },
    served: (command, about, prepared) => {
      if (isServed && isForeseeable(command)) scores.add(about, prepared);
    },
    state: async () => {
      if (!isServed) return undefined;
      if (!kinds.isEmpty()) await teller.tell();
      const recipes = scores.table(kinds.held());
      const memoryKb = recipes.reduce((sum, { memory_kb }) => sum + memory_kb, 0);
      return {
        memory_kb_max: options.memoryKbMax,
        budget_kb: Math.floor(budgetKb),
        memory_kb: memoryKb,
        recipes: [...recipes],
      };
    },
    [Symbol.dispose]: () => alarm[Symbol.dispose](),
  };
}

/** One order at a time; whoever wants one meanwhile has another behind it. */
function createTeller({ tell, log }: { tell: () => Promise<void>; log: Logger }) {
  let telling: Promise<void> = Promise.resolve();
  let isLost = false;
  const tryToTell = async (): Promise<void> => {
    try {
      await tell();
      isLost = false;
    } catch (error) {
      if (!(error instanceof BackendUnavailable)) {
        log.error({ error }, 'the pool could not be ordered');
      } else if (!isLost) {
        log.warn({ reason: error.message }, 'the pool could not be ordered');
      }
      isLost = true;
    }
  };
  return {
    /** Never rejects: without a pool everything starts cold. */
    tell: (): Promise<void> => {
      telling = telling.then(tryToTell);
      return telling;
    },
  };
}

interface Alarm extends Disposable {
  /** After so long, or before, where that was wanted already. */
  wake(delayMs: number): void;
}

function createAlarm(clock: Clock, ring: () => Promise<void>): Alarm {
  let set: { readonly atMs: number; readonly callOff: () => void } | undefined;
  let isDisposed = false;
  return {
    wake: (delayMs) => {
      const atMs = clock.monotonicMs() + delayMs;
      if (isDisposed || (set !== undefined && set.atMs <= atMs)) return;
      set?.callOff();
      const callOff = clock.schedule(delayMs, () => {
        set = undefined;
        void ring();
      });
      set = { atMs, callOff };
    },
    [Symbol.dispose]: () => {
      isDisposed = true;
      set?.callOff();
    },
  };
}
