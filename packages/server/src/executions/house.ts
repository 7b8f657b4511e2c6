import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { type Result, refuse } from '@gozolite/contract/result';
import type { Engine } from '@gozolite/engine/engine';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Call, Route } from '../http/route.js';
import { executionRoutes } from '../routes/executions/executions.js';
import type { Service } from '../service.js';
import type { Decide } from './decide.js';
import { createExecutions } from './executions.js';
import { createOnce } from './once.js';
import { createView } from './view.js';

export interface KeptHouse {
  readonly routes: readonly Route[];
  /** `POST /execute` under an Idempotency-Key. */
  readonly once: (call: Call) => Promise<Result<Execution, Refusal>>;
  /** Resolves when every end is written down, or can't be. */
  readonly settled: () => Promise<void>;
}

export interface KeptHouseDeps extends Pick<Service, 'kept' | 'meter'> {
  readonly engine: Engine;
  readonly decide: Decide;
  readonly log: Logger;
}

/** All of executions that are kept; where none are, what says so. */
export function openKeptHouse(house: KeptHouseDeps): KeptHouse {
  const { kept, meter, engine, decide, log } = house;
  if (kept === undefined) {
    return { routes: [], once: async () => refuse(NOTHING_KEPT), settled: async () => undefined };
  }
  const executions = createExecutions({ ...kept, engine, meter, log });
  const view = createView(kept.store, executions);
  const deps = { store: kept.store, engine, decide, executions, view };
  return { routes: executionRoutes(deps), once: createOnce(deps), settled: executions.settled };
}

/** To run it all the same would be to run it twice, one day. */
const NOTHING_KEPT: Refusal = {
  code: 'BAD_REQUEST',
  detail: 'This server keeps nothing (GOZO_ASYNC=false), so it can honour no Idempotency-Key.',
};
