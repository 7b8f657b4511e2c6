import { Health } from '@gozolite/contract/health';
import { ok } from '@gozolite/contract/result';
import { json, type Route } from '../http/route.js';
import { VERSION } from '../version.js';

/** Says only that the process answers: it touches nothing that could be busy. */
export function healthRoute(): Route {
  const alive: Health = { status: 'ok', version: VERSION };
  return {
    method: 'GET',
    path: '/healthz',
    document: {
      operationId: 'health',
      access: 'open',
      summary: 'Whether the server answers at all.',
      answers: { 200: { description: 'It does.', schema: 'Health' } },
      schemas: { Health },
    },
    handle: () => ok(json(200, alive)),
  };
}
