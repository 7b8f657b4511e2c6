import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { answerClaim, claim, freeClaim } from '@gozolite/store/idempotency';
import { type Database, StoreError } from '@gozolite/store/sql';
import type { Sealing } from '@gozolite/tenancy/keys/sealing';
import {
  answerOf,
  IDEMPOTENCY_HEADER,
  type Key,
  keyOf,
  NOTHING_KEPT,
} from '../executions/keys/idempotency.js';
import type { KeyRoom } from '../executions/keys/key-room.js';
import { PROBLEM_ANSWER } from '../http/problem.js';
import type { Answer, Call, Route, RouteDocument } from '../http/route.js';

export interface OnceDeps {
  readonly store: Database;
  readonly keyRoom: KeyRoom;
  readonly sealing: () => Promise<Sealing>;
}

/**
 * A POST that changes something else than executions, under an Idempotency-Key: it is done once,
 * and who sends it again is given the first answer. That may tell a secret, so it is kept sealed
 * under what came as the caller's key: neither the store nor its secret opens it (docs/adr/0096).
 * @param deps absent: nothing is kept, and a key is refused
 */
export function onceRoute(route: Route, deps: OnceDeps | undefined): Route {
  if (route.method !== 'POST') return route;
  return {
    ...route,
    document: described(route.document),
    handle: (call) => {
      if (call.headers['idempotency-key'] === undefined) return route.handle(call);
      return deps === undefined ? refuse(NOTHING_KEPT) : once(deps, route, call);
    },
  };
}

async function once(deps: OnceDeps, route: Route, call: Call): Promise<Result<Answer, Refusal>> {
  const asked = keyOf(pathOf(route, call), call);
  if (!asked.ok) return asked;
  const key = asked.value;
  if (key === undefined) return route.handle(call);
  const { store } = deps;
  const crowded = await deps.keyRoom.refuse(key);
  if (crowded !== undefined) return refuse(crowded);
  const sealing = (await deps.sealing()).with(bearerOf(call));
  const known = await store.transaction((sql) => claim(sql, { ...key, answer: '' }));
  if (known !== undefined) {
    const told = answerOf(known, key);
    return told.ok ? again(sealing, key, told.value) : told;
  }
  // Where this throws, nobody knows what was done: the key stays taken.
  const answer = await route.handle(call);
  if (answer.ok) await answerClaim(store, { ...key, answer: sealed(sealing, key, answer.value) });
  else await freeClaim(store, key);
  return answer;
}

/** What braces of a path stand for is part of what is asked. */
function pathOf({ path }: Route, { params }: Call): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
}

function bearerOf({ headers }: Call): string {
  return (headers.authorization ?? '').replace(/^bearer +/i, '').trim();
}

function placeOf({ tenant, name }: Key): string {
  return `answer ${tenant} ${name}`;
}

function sealed(sealing: Sealing, key: Key, answer: Answer): string {
  if (typeof answer.body !== 'string') throw new Error('an answer in pieces is not kept');
  return sealing.seal(JSON.stringify(answer), placeOf(key));
}

function again(sealing: Sealing, key: Key, kept: string): Result<Answer, Refusal> {
  if (kept === '') return refuse(NOT_ANSWERED);
  try {
    // What was sealed is an answer: nothing else is.
    return ok(JSON.parse(sealing.open(kept, placeOf(key))) as Answer);
  } catch (error) {
    if (error instanceof StoreError) return refuse(OF_ANOTHER);
    throw error;
  }
}

const NOT_ANSWERED: Refusal = {
  code: 'IDEMPOTENCY_CONFLICT',
  detail:
    'The first request with this Idempotency-Key has not been answered. If that stays so, its ' +
    'server was killed under it: look what became of it, then use another key.',
  retryAfterMs: 1000,
};

const OF_ANOTHER: Refusal = {
  code: 'IDEMPOTENCY_CONFLICT',
  detail:
    'The first request with this Idempotency-Key was made with another API key or token, and its ' +
    'answer is for that one alone.',
};

function described(document: RouteDocument): RouteDocument {
  const { answers, headers } = document;
  const or = (status: number, code: string) => ({
    [status]: {
      ...PROBLEM_ANSWER,
      description: [answers[status]?.description, `${code}.`].filter(Boolean).join(' Or '),
    },
  });
  return {
    ...document,
    headers: { ...headers, ...IDEMPOTENCY_HEADER },
    answers: {
      ...answers,
      ...or(409, 'IDEMPOTENCY_CONFLICT'),
      ...or(429, 'RATE_LIMITED, of Idempotency-Keys'),
      ...or(422, 'INVALID_VALUE or IDEMPOTENCY_MISMATCH'),
    },
  };
}
