import { ok, refuse } from '@gozolite/contract/result';
import type { Living } from '../../executions/living.js';
import { pause } from '../../executions/pause.js';
import { textOfSeen } from '../../executions/view.js';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import type { Answer, Call, Route } from '../../http/route.js';
import { ID, type KeptDeps, NO_STORE, NOT_FOUND } from './deps.js';

/** Something goes over the line at least this often: proxies close what is silent. */
const HEARTBEAT_MS = 10_000;
/** How often a place in the queue is looked at, and one of another server. */
const LOOK_MS = 1000;
/** Of the last event: who has had it is told that there is nothing more. */
const END = 'end';

/** What happens to an execution, as it happens (server-sent events). */
export function eventsRoute(deps: KeptDeps): Route {
  return {
    method: 'GET',
    path: '/executions/{id}/events',
    document: {
      operationId: 'events',
      summary: 'What happens to an execution, as server-sent events, until it has ended.',
      access: 'read',
      parameters: { id: ID },
      headers: { 'Last-Event-ID': 'Of the last event that was seen: those after it follow.' },
      answers: {
        200: {
          description: 'queued, compiling, started, output and at last ended.',
          mediaType: 'text/event-stream',
        },
        204: { description: 'The last event was seen: there is nothing more.', isEmpty: true },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
      },
      schemas: {},
    },
    listens: () => true,
    handle: async (call) => {
      const { tenant } = call.caller;
      const { id = '' } = call.params;
      if ((await deps.view.find(tenant, id)) === undefined) return refuse(NOT_FOUND);
      const last = call.headers['last-event-id'] ?? '';
      if (last === END) return ok({ status: 204, mediaType: 'text/event-stream', body: '' });
      const body = events(deps, call, /^\d{1,9}$/.test(last) ? Number(last) : 0);
      const headers = { ...NO_STORE, 'x-accel-buffering': 'no' };
      return ok({ status: 200, mediaType: 'text/event-stream', headers, body } satisfies Answer);
    },
  };
}

async function* events(deps: KeptDeps, call: Call, seen: number): AsyncGenerator<string> {
  const { signal } = call;
  const { tenant } = call.caller;
  const { id = '' } = call.params;
  const living = deps.executions.living(tenant, id);
  if (living !== undefined) yield* happenings(living, seen, signal);
  // Who comes a moment late is told all of it as well.
  const past = living === undefined ? deps.executions.past(tenant, id) : undefined;
  for (const { id: at, name, data } of past?.after(seen) ?? []) {
    yield frame(name, JSON.stringify(data), String(at));
  }
  let told = '';
  while (!signal.aborted) {
    const found = await deps.view.find(tenant, id);
    if (found === undefined) return;
    if (found.record !== undefined) {
      yield frame('ended', textOfSeen(found), END);
      return;
    }
    // Another server has it: how far it is, is all that the store says.
    const { state } = found.shown;
    if (state !== told) yield frame(state === 'queued' ? 'queued' : 'started', '{}');
    else yield ':\n\n';
    told = state;
    await pause(LOOK_MS, signal);
  }
}

async function* happenings(
  { happenings: all, shown }: Living,
  seen: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let at = seen;
  let place: number | undefined;
  let quietMs = 0;
  while (!signal.aborted) {
    const news = all.after(at);
    for (const { id, name, data } of news) yield frame(name, JSON.stringify(data), String(id));
    at = news.at(-1)?.id ?? at;
    if (news.length > 0) {
      quietMs = 0;
      continue;
    }
    if (all.isOver) return;
    const { position, expected_wait_ms } = shown();
    // Without an id: who comes back is told where it is by then.
    if (place !== undefined && position !== undefined && place !== position) {
      yield frame('queued', JSON.stringify({ position, expected_wait_ms }));
      quietMs = 0;
    }
    place = position;
    if (quietMs >= HEARTBEAT_MS) {
      yield ':\n\n';
      quietMs = 0;
    }
    const waitMs = position === undefined ? HEARTBEAT_MS : LOOK_MS;
    await all.next(waitMs, signal);
    quietMs += waitMs;
  }
}

/** No text of ours has a line break in it: JSON writes it as an escape. */
function frame(name: string, data: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`;
}
