import { Capabilities } from '@gozolite/contract/capabilities';
import { ok } from '@gozolite/contract/result';
import { json, type Route, type RouteDocument } from '../http/route.js';

export interface CapabilitiesDeps {
  readonly capabilities: (tenant: string) => Promise<Capabilities>;
  readonly refresh: () => Promise<void>;
}

const document: RouteDocument = {
  operationId: 'capabilities',
  access: 'read',
  summary: 'Languages, limits and the isolation in force.',
  answers: { 200: { description: 'What this server can do.', schema: 'Capabilities' } },
  schemas: { Capabilities },
};

export function capabilitiesRoute({ capabilities }: CapabilitiesDeps): Route {
  return {
    method: 'GET',
    path: '/capabilities',
    document,
    handle: async ({ caller }) => ok(json(200, await capabilities(caller.tenant))),
  };
}

/** Looks for all toolchains again, in sandboxes, and answers when that is done. */
export function refreshRoute({ capabilities, refresh }: CapabilitiesDeps): Route {
  return {
    method: 'POST',
    path: '/capabilities/refresh',
    document: {
      ...document,
      operationId: 'refreshCapabilities',
      access: 'admin',
      summary: 'Look for toolchains again, then answer as GET /capabilities.',
    },
    handle: async ({ caller }) => {
      await refresh();
      return ok(json(200, await capabilities(caller.tenant)));
    },
  };
}
