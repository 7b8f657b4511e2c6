import { remembered } from '@gozolite/contract/memory/remembered';
import type { Database } from '@gozolite/store/sql';
import { countPending } from '@gozolite/store/webhooks/deliveries';
import type { Logger } from '@gozolite/telemetry/logger';
import type { WebhookCounts } from '@gozolite/telemetry/metrics/webhooks';
import type { Sealing } from '@gozolite/tenancy/keys/sealing';
import { VERSION } from '../version.js';
import { createDeliverer, type Deliverer } from './deliver.js';
import { createEndpoints, type Endpoints } from './endpoints.js';
import { createGuard } from './sending/address.js';
import { createResolve, type Resolve } from './sending/resolve.js';
import type { WebhookSettings } from './settings.js';

export interface WebhooksDeps {
  readonly store: Database;
  readonly server: string;
  readonly sealing: () => Promise<Sealing>;
  readonly settings: WebhookSettings;
  readonly log: Logger;
  readonly counts: WebhookCounts;
  /** A test's own; else the machine's name servers. */
  readonly resolve?: Resolve;
}

/** All of webhooks: who is told, and the telling. */
export interface Webhooks extends AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly ended: Deliverer['ended'];
  /** How many deliveries are neither made nor given up. */
  backlog(): Promise<number>;
}

/** Standard Webhooks: 15 to 30 seconds. */
const ATTEMPT_MS_MAX = 15_000;

export function createWebhooks(deps: WebhooksDeps): Webhooks {
  const { store, server, settings, log, counts, resolve = createResolve() } = deps;
  const guard = createGuard(settings.allow);
  const sealing = remembered(deps.sealing);
  const deliverer = createDeliverer({
    ...{ store, server, sealing, log, nowMs: Date.now, random: Math.random },
    sending: { resolve, guard, timeMsMax: ATTEMPT_MS_MAX },
    agent: `GozoLite/${VERSION}`,
    onAttempt: counts.attempted,
    onEnd: counts.ended,
  });
  const rules = { guard, http: settings.http };
  return {
    endpoints: createEndpoints({ store, sealing, rules, nowMs: Date.now, wake: deliverer.wake }),
    ended: deliverer.ended,
    backlog: () => countPending(store),
    [Symbol.asyncDispose]: () => deliverer[Symbol.asyncDispose](),
  };
}
