import { createCounts } from '@gozolite/contract/memory/counts';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { ListenerBounds } from './settings.js';

/**
 * Connections that listen to what happens, wait for an end or talk to a program. Each may last for
 * minutes and costs next to nothing: so one tenant could hold every connection that there is.
 */
export interface Listeners {
  /** @returns what gives the place back, to be called once; or which bound is met */
  begin(tenant: string): Result<() => void, Refusal>;
  count(): number;
  /** Of one tenant, by its policy as it is now. */
  of(tenant: string): { readonly used: number; readonly limit: number };
  readonly max: number;
}

export interface ListenersDeps extends ListenerBounds {
  /** Connections that the server can have: half of them are for what is answered at once. */
  readonly connectionsMax: number;
  readonly policyOf: (tenant: string) => Pick<Policy, 'pace'>;
}

/** Nobody knows when one of them ends; soon enough to ask again. */
const RETRY_MS = 1000;

export function createListeners(deps: ListenersDeps): Listeners {
  const max = Math.min(deps.max, Math.max(1, Math.floor(deps.connectionsMax / 2)));
  const counts = createCounts();
  const limitOf = (tenant: string) =>
    Math.min(deps.policyOf(tenant).pace.connections ?? deps.perTenantMax, max);
  return {
    max,
    count: counts.all,
    of: (tenant) => ({ used: counts.of(tenant), limit: limitOf(tenant) }),
    begin: (tenant) => {
      const ownMax = deps.policyOf(tenant).pace.connections ?? deps.perTenantMax;
      if (counts.of(tenant) >= ownMax) return refuse(crowded(ownMax));
      if (counts.all() >= max) return refuse(FULL);
      counts.add(tenant, 1);
      return ok(() => counts.add(tenant, -1));
    },
  };
}

function crowded(quota: number): Refusal {
  const detail =
    `${quota} connections of this tenant wait, listen or talk to programs, and more may not: ` +
    'GET /executions/{id} without wait_s is none of them.';
  const limit = { name: 'connections', quota, remaining: 0 };
  return { code: 'RATE_LIMITED', detail, retryAfterMs: RETRY_MS, limit };
}

const FULL: Refusal = {
  code: 'OVERLOADED',
  detail: 'As many connections wait, listen or talk to programs as may (GOZO_LISTENERS).',
  retryAfterMs: RETRY_MS,
};
