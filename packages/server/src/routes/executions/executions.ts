import type { Route } from '../../http/route.js';
import { batchRoute } from './batch.js';
import type { KeptDeps } from './deps.js';
import { eventsRoute } from './events.js';
import { cancelRoute, findRoute, listRoute } from './read.js';
import { submitRoute } from './submit.js';

/** Executions that nobody waits for: accepted, asked for, watched and cancelled. */
export function executionRoutes(deps: KeptDeps): readonly Route[] {
  return [
    submitRoute(deps),
    batchRoute(deps),
    listRoute(deps),
    findRoute(deps),
    eventsRoute(deps),
    cancelRoute(deps),
  ];
}
