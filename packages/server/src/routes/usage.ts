import { ok, refuse } from '@gozolite/contract/result';
import { Usage } from '@gozolite/contract/tenancy/usage';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import { PROBLEM_ANSWER } from '../http/problem.js';
import { json, type Route } from '../http/route.js';
import type { Listeners } from '../listeners/listeners.js';

export interface UsageDeps {
  readonly meter: Meter;
  readonly policies: Policies;
  readonly listeners: Pick<Listeners, 'of'>;
}

/** What the caller's tenant used and may use; of another one for who administers. */
export function usageRoute({ meter, policies, listeners }: UsageDeps): Route {
  return {
    method: 'GET',
    path: '/usage',
    document: {
      operationId: 'usage',
      summary: "What the key's tenant used in this hour, day and month (UTC), and its quotas.",
      access: 'read',
      parameters: { tenant: 'Of this tenant: with the scope admin.' },
      answers: {
        200: { description: 'Used and left.', schema: 'Usage' },
        403: {
          description: 'FORBIDDEN: of another tenant, without the scope admin.',
          ...PROBLEM_ANSWER,
        },
      },
      schemas: { Usage },
    },
    handle: async ({ caller, query }) => {
      const tenant = query.tenant ?? caller.tenant;
      if (tenant !== caller.tenant && !caller.scopes.includes('admin')) {
        const detail = "Another tenant's usage needs a key with the scope admin.";
        return refuse({ code: 'FORBIDDEN', detail });
      }
      const metered = await meter.usage(tenant, policies.of(tenant));
      const usage: Usage = { ...metered, connections: listeners.of(tenant) };
      return ok(json(200, usage));
    },
  };
}
