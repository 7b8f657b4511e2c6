import { ok } from '@gozolite/contract/result';
import type { Route } from '../http/route.js';
import { type LookDeps, scrape } from '../observing/metrics/look.js';

/** For Prometheus: docs/reference/observing/metrics.md has the names. */
export function metricsRoute(deps: LookDeps): Route {
  return {
    method: 'GET',
    path: '/metrics',
    document: {
      operationId: 'metrics',
      summary: "Counters and gauges of this server, in Prometheus' text format.",
      access: 'metrics',
      answers: { 200: { description: 'Metrics.', mediaType: 'text/plain' } },
      schemas: {},
    },
    handle: async () => {
      const body = await scrape(deps);
      return ok({ status: 200, mediaType: deps.metrics.contentType, body });
    },
  };
}
