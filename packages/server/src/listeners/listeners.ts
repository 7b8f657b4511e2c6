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
  const counts = new Map<string, number>();
  let all = 0;
  const limitOf = (tenant: string) =>
    Math.min(deps.policyOf(tenant).pace.connections ?? deps.perTenantMax, max);
  return {
    max,
    count: () => all,
    of: (tenant) => ({ used: counts.get(tenant) ?? 0, limit: limitOf(tenant) }),
    begin: (tenant) => {
      const own = counts.get(tenant) ?? 0;
      const ownMax = deps.policyOf(tenant).pace.connections ?? deps.perTenantMax;
      if (own >= ownMax) return refuse(crowded(ownMax));
      if (all >= max) return refuse(FULL);
      counts.set(tenant, own + 1);
      all += 1;
      return ok(() => {
        all -= 1;
        const rest = (counts.get(tenant) ?? 0) - 1;
        if (rest > 0) counts.set(tenant, rest);
        else counts.delete(tenant);
      });
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
