import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { type Result, refuse } from '@gozolite/contract/result';
import type { Engine } from '@gozolite/engine/engine';
import type { Logger } from '@gozolite/telemetry/logger';
import type { WebhookCounts } from '@gozolite/telemetry/metrics/webhooks';
import type { Call, Route } from '../http/route.js';
import { executionRoutes } from '../routes/executions/executions.js';
import { webhookRoutes } from '../routes/webhooks/webhooks.js';
import type { Service } from '../service.js';
import { createWebhooks } from '../webhooks/webhooks.js';
import type { Decide } from './decide.js';
import { createExecutions, type Executions } from './executions.js';
import { NOTHING_KEPT } from './keys/idempotency.js';
import { createOnce } from './once.js';
import { createView } from './view.js';

export interface KeptHouse extends AsyncDisposable {
  readonly routes: readonly Route[];
  /** What changes webhooks, and tells of them. */
  readonly webhookRoutes: readonly Route[];
  /** `POST /execute` under an Idempotency-Key. */
  readonly once: (call: Call) => Promise<Result<Execution, Refusal>>;
  /** Where executions are kept. */
  readonly executions?: Executions;
  /** Resolves when every end is written down, or can't be. */
  readonly settled: () => Promise<void>;
  /** Deliveries to webhooks that are neither made nor given up. */
  readonly backlog: () => Promise<number>;
}

export interface KeptHouseDeps extends Pick<Service, 'kept' | 'meter'> {
  readonly engine: Engine;
  readonly decide: Decide;
  readonly log: Logger;
  readonly counts: WebhookCounts;
}

/** All of executions that are kept; where none are, what says so. */
export function openKeptHouse(house: KeptHouseDeps): KeptHouse {
  const { kept, meter, engine, decide, log, counts } = house;
  if (kept === undefined) {
    return {
      ...{ routes: [], webhookRoutes: [] },
      ...{ once: async () => refuse(NOTHING_KEPT), settled: async () => undefined },
      backlog: async () => 0,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const { store, settings, keyRoom } = kept;
  const hooks = createWebhooks({ ...kept, settings: settings.webhooks, log, counts });
  const executions = createExecutions({ ...kept, engine, meter, log, onTold: hooks.ended });
  const view = createView(store, executions);
  const { endpoints } = hooks;
  const deps = { store, engine, decide, executions, view, endpoints, keyRoom };
  return {
    routes: executionRoutes(deps),
    webhookRoutes: webhookRoutes(endpoints),
    ...{ once: createOnce(deps), settled: executions.settled, backlog: hooks.backlog },
    executions,
    [Symbol.asyncDispose]: () => hooks[Symbol.asyncDispose](),
  };
}
