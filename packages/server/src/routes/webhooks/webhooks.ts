import type { Route } from '../../http/route.js';
import type { Endpoints } from '../../webhooks/endpoints.js';
import { createRoute, enableRoute, listRoute, removeRoute, rotateRoute } from './change.js';
import { deliveriesRoute, redeliverRoute } from './deliveries.js';

/** Who is told of ends, and what was told. */
export function webhookRoutes(endpoints: Endpoints): readonly Route[] {
  return [
    createRoute(endpoints),
    listRoute(endpoints),
    removeRoute(endpoints),
    rotateRoute(endpoints),
    enableRoute(endpoints),
    deliveriesRoute(endpoints),
    redeliverRoute(endpoints),
  ];
}
