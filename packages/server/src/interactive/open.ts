import type { Refusal } from '@gozolite/contract/refusal';
import type { Engine } from '@gozolite/engine/engine';
import type { Backend } from '@gozolite/sandbox/backend';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import type { Decide } from '../executions/decide.js';
import type { KeptHouse } from '../executions/house.js';
import { createCors } from '../http/edge/cors.js';
import type { Route } from '../http/route.js';
import { interactRoute } from '../routes/interact.js';
import { beginKept, beginUnkept } from './begin.js';
import { type Conversations, createConversations } from './house.js';
import type { InteractiveSettings } from './settings.js';
import { createStart } from './start.js';

export interface InteractiveDeps {
  readonly backend: Pick<Backend, 'name' | 'talks'>;
  readonly engine: Engine;
  readonly meter: Meter;
  readonly decide: Decide;
  readonly kept: Pick<KeptHouse, 'executions'>;
  readonly config: {
    readonly interactive: InteractiveSettings;
    readonly corsOrigins: readonly string[];
  };
  readonly log: Logger;
}

/** All of programs that are talked to. */
export function openInteractive(deps: InteractiveDeps): Conversations & { readonly route: Route } {
  const { backend, engine, meter, decide, log } = deps;
  const { executions } = deps.kept;
  const settings = deps.config.interactive;
  const cors = createCors(deps.config.corsOrigins);
  const allowsOrigin = (origin: string) => cors?.allows(origin) === true;
  const begin = executions === undefined ? beginUnkept(engine, meter) : beginKept(executions);
  const start = createStart({ decide, engine, begin, mode: settings.mode });
  const conversations = createConversations(start, settings, log);
  const obstacle = obstacleOf(settings, backend);
  return { ...conversations, route: interactRoute({ conversations, obstacle, allowsOrigin }) };
}

function obstacleOf(
  { mode }: InteractiveSettings,
  { name, talks }: InteractiveDeps['backend'],
): Refusal | undefined {
  if (mode === 'off') {
    return { code: 'FORBIDDEN', detail: 'This server runs nothing so (GOZO_INTERACTIVE=off).' };
  }
  if (talks === true) return undefined;
  const detail = `The backend "${name}" gives programs their input as a whole: POST /execute.`;
  return { code: 'FORBIDDEN', detail };
}
