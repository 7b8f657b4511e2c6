import { Readiness } from '@gozolite/contract/health';
import { ok } from '@gozolite/contract/result';
import { json, type Route } from '../http/route.js';

export interface ReadinessDeps {
  readonly readiness: () => Promise<Readiness>;
}

export function readinessRoute({ readiness }: ReadinessDeps): Route {
  return {
    method: 'GET',
    path: '/readyz',
    document: {
      operationId: 'readiness',
      access: 'open',
      summary: 'Whether a program could run now.',
      answers: {
        200: { description: 'It could.', schema: 'Readiness' },
        503: { description: 'It could not, for this reason.', schema: 'Readiness' },
      },
      schemas: { Readiness },
    },
    handle: async () => {
      const state = await readiness();
      return ok(json(state.ready ? 200 : 503, state));
    },
  };
}
