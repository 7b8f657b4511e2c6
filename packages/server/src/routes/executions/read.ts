import { STATUSES } from '@gozolite/contract/execution';
import { KEPT_BOUNDS, KeptExecution, KeptList } from '@gozolite/contract/kept/kept';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Selection } from '@gozolite/store/executions';
import { pause } from '../../executions/pause.js';
import { EXECUTION_ID, isExecutionId, type Seen, textOfSeen } from '../../executions/view.js';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import { type Answer, type Call, JSON_MEDIA_TYPE, json, type Route } from '../../http/route.js';
import { ID, type KeptDeps, NO_STORE, NOT_FOUND } from './deps.js';

const WAIT_S_MAX = 60;
/** One of another server is looked for so often while somebody waits. */
const LOOK_MS = 1000;

export function findRoute(deps: KeptDeps): Route {
  return {
    method: 'GET',
    path: '/executions/{id}',
    document: {
      operationId: 'execution',
      summary: 'How far an execution is, and its record once it has ended.',
      access: 'read',
      parameters: {
        id: ID,
        wait_s: {
          description: `Answer as it ends, or after so many seconds: up to ${WAIT_S_MAX}.`,
          schema: { type: 'integer', minimum: 0, maximum: WAIT_S_MAX, default: 0 },
        },
      },
      answers: {
        200: { description: 'As it is now.', schema: 'KeptExecution' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
        422: { description: 'INVALID_VALUE.', ...PROBLEM_ANSWER },
      },
      schemas: { KeptExecution },
    },
    listens: ({ query }) => Number(query.wait_s ?? 0) > 0,
    handle: async (call) => {
      const waitS = whole(call, 'wait_s', { min: 0, max: WAIT_S_MAX, fallback: 0 });
      if (!waitS.ok) return waitS;
      const seen = await seenAfter(deps, call, 1000 * waitS.value);
      return seen === undefined ? refuse(NOT_FOUND) : ok(answerOf(seen));
    },
  };
}

export function cancelRoute(deps: KeptDeps): Route {
  return {
    method: 'DELETE',
    path: '/executions/{id}',
    document: {
      operationId: 'cancel',
      summary: 'End an execution now. One that has ended stays as it is.',
      access: 'execute',
      parameters: { id: ID },
      answers: {
        200: { description: 'As it ended.', schema: 'KeptExecution' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
        409: { description: 'CONFLICT: another server has it.', ...PROBLEM_ANSWER },
      },
      schemas: { KeptExecution },
    },
    handle: async ({ caller, params: { id = '' } }) => {
      const living = deps.executions.living(caller.tenant, id);
      living?.cancel();
      await living?.over;
      const seen = await deps.view.find(caller.tenant, id);
      if (seen === undefined) return refuse(NOT_FOUND);
      return seen.record === undefined ? refuse(ELSEWHERE) : ok(answerOf(seen));
    },
  };
}

const ELSEWHERE: Refusal = {
  code: 'CONFLICT',
  detail: 'Another server of this store has it, and that one has to be asked.',
};

async function seenAfter(
  { view, executions }: KeptDeps,
  { caller: { tenant }, params: { id = '' }, signal }: Call,
  waitMs: number,
): Promise<Seen | undefined> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const seen = await view.find(tenant, id);
    const leftMs = deadlineMs - performance.now();
    if (seen === undefined || seen.record !== undefined || leftMs <= 0 || signal.aborted) {
      return seen;
    }
    const living = executions.living(tenant, id);
    const ms = living === undefined ? Math.min(LOOK_MS, leftMs) : leftMs;
    await pause(ms, signal, living?.over);
  }
}

function answerOf(seen: Seen): Answer {
  return { status: 200, headers: NO_STORE, mediaType: JSON_MEDIA_TYPE, body: textOfSeen(seen) };
}

const PAGE = 20;
const LANGUAGE = '^[a-z0-9+#.-]{1,64}$';
const LISTED = {
  state: {
    description: 'Only those that are queued, running (compiling too) or ended.',
    schema: { type: 'string', enum: ['queued', 'compiling', 'running', 'ended'] },
  },
  status: {
    description: 'Only those that ended with this status.',
    schema: { type: 'string', enum: STATUSES },
  },
  language: {
    description: 'Only of this language, by its id.',
    schema: { type: 'string', pattern: LANGUAGE },
  },
  limit: {
    description: `How many at most, up to ${KEPT_BOUNDS.pageMax}; default ${PAGE}.`,
    schema: { type: 'integer', minimum: 1, maximum: KEPT_BOUNDS.pageMax, default: PAGE },
  },
  cursor: {
    description: 'next_cursor of the page before.',
    schema: { type: 'string', pattern: EXECUTION_ID.source },
  },
};

export function listRoute({ view }: KeptDeps): Route {
  return {
    method: 'GET',
    path: '/executions',
    document: {
      operationId: 'executions',
      summary: 'The executions that are kept, newest first, without their records.',
      access: 'read',
      parameters: LISTED,
      answers: {
        200: { description: 'A page; without next_cursor it is the last.', schema: 'KeptList' },
        400: { description: 'UNKNOWN_FIELD: no such parameter.', ...PROBLEM_ANSWER },
        422: { description: 'INVALID_VALUE.', ...PROBLEM_ANSWER },
      },
      schemas: { KeptExecution, KeptList },
    },
    handle: async (call) => {
      const selection = selectionOf(call);
      if (!selection.ok) return selection;
      const { limit } = selection.value;
      const found = await view.list(call.caller.tenant, { ...selection.value, limit: limit + 1 });
      const executions = found.slice(0, limit);
      const last = executions.at(-1);
      const next = found.length > limit && last !== undefined ? { next_cursor: last.id } : {};
      return ok({ ...json(200, { executions, ...next }), headers: NO_STORE });
    },
  };
}

function selectionOf(call: Call): Result<Selection, Refusal> {
  const { query } = call;
  const odd = Object.keys(query).find((name) => !Object.hasOwn(LISTED, name));
  if (odd !== undefined) {
    const known = Object.keys(LISTED).join(', ');
    const detail = `There is no parameter "${odd.slice(0, 64)}"; there are ${known}.`;
    return refuse({ code: 'UNKNOWN_FIELD', detail });
  }
  const limit = whole(call, 'limit', { min: 1, max: KEPT_BOUNDS.pageMax, fallback: PAGE });
  if (!limit.ok) return limit;
  const { status, language, cursor } = query;
  const state = stateOf(query.state);
  if (state === undefined) return refuse(invalid('state', 'queued, running or ended'));
  if (status !== undefined && !STATUSES.some((each) => each === status)) {
    return refuse(invalid('status', `one of ${STATUSES.join(', ')}`));
  }
  if (language !== undefined && !new RegExp(LANGUAGE).test(language)) {
    return refuse(invalid('language', 'an id'));
  }
  if (cursor !== undefined && !isExecutionId(cursor)) {
    return refuse(invalid('cursor', 'what next_cursor said'));
  }
  const given = { status: status ?? '', language: language ?? '', before: cursor ?? '' };
  return ok({ state, ...given, limit: limit.value });
}

function stateOf(text: string | undefined): Selection['state'] | undefined {
  if (text === undefined) return '';
  if (text === 'compiling') return 'running';
  const states = ['queued', 'running', 'ended'] as const;
  return states.find((each) => each === text);
}

function whole(
  { query }: Call,
  name: string,
  { min, max, fallback }: { readonly min: number; readonly max: number; readonly fallback: number },
): Result<number, Refusal> {
  const text = query[name] ?? String(fallback);
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? ok(value)
    : refuse(invalid(name, `a whole number from ${min} to ${max}`));
}

function invalid(name: string, what: string): Refusal {
  return { code: 'INVALID_VALUE', detail: `${name} is ${what}.` };
}
