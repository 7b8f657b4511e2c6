import {
  ExecuteRequest,
  type Execution,
  Execution as ExecutionSchema,
  FAILURES,
} from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Engine } from '@gozolite/engine/engine';
import { NO_AMOUNTS } from '@gozolite/store/usage';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import { mostOf, usedBy } from '../admission/usage/spend.js';
import type { Decide } from '../executions/decide.js';
import { IDEMPOTENCY_HEADER } from '../executions/keys/idempotency.js';
import { PROBLEM_ANSWER } from '../http/problem.js';
import { type Answer, type Call, json, type Route, type RouteDocument } from '../http/route.js';
import { endWith } from '../observing/tracing/parts.js';

export interface ExecuteDeps {
  readonly engine: Engine;
  readonly meter: Meter;
  readonly decide: Decide;
  /** A request that is to run once, however often it is sent. */
  readonly once: (call: Call) => Promise<Result<Execution, Refusal>>;
}

/** Runs one program and waits for its end; the closed connection cancels it. */
export function executeRoute(deps: ExecuteDeps): Route {
  const { engine, decide, once } = deps;
  return {
    method: 'POST',
    path: '/execute',
    document,
    handle: async (call) => {
      if (call.headers['idempotency-key'] !== undefined) {
        const executed = await once(call);
        return executed.ok ? ok(answerOf(executed.value)) : executed;
      }
      const decided = await decide.ofBody(call, call.body);
      if (!decided.ok) return decided;
      const { validated, policy } = decided.value;
      if (validated.kind === 'missing') {
        return ok(answerOf(await engine.missing(validated.missing)));
      }
      return metered(deps, policy, { admitted: validated.admitted, signal: call.signal });
    },
  };
}

/** The execution, between what is set aside for it and what it really used. */
async function metered(
  { engine, meter }: ExecuteDeps,
  policy: Policy,
  { admitted, signal }: { readonly admitted: Admitted; readonly signal: AbortSignal },
): Promise<Result<Answer, Refusal>> {
  const { id: execution, tenant, span } = admitted;
  const charging = span?.begin('quota');
  const held = await meter.begin({ execution, tenant, policy, ...mostOf(admitted) });
  endWith(charging, held);
  if (!held.ok) return held;
  const beganMs = performance.now();
  const executed = await engine.execute(admitted, signal);
  const elapsedMs = performance.now() - beganMs;
  const used = executed.ok ? usedBy(executed.value, admitted, elapsedMs) : NO_AMOUNTS;
  held.value.settle(used);
  if (!executed.ok) return executed;
  const answer = answerOf(executed.value);
  return ok({ ...answer, headers: { ...held.value.headers, ...answer.headers } });
}

function answerOf(execution: Execution): Answer {
  const status = execution.error === undefined ? 200 : FAILURES[execution.error];
  const answer = json(status, execution);
  return status === 503 ? { ...answer, headers: { 'retry-after': '1' } } : answer;
}

const record = { schema: 'Execution', mediaType: 'application/json' };

const document: RouteDocument = {
  operationId: 'execute',
  access: 'execute',
  summary: 'Run a program in a fresh sandbox and wait for its end.',
  description:
    'Every execution ends in one record with a defined status. A record has the media type ' +
    'application/json; a request that did not become an execution is answered by a problem.',
  headers: IDEMPOTENCY_HEADER,
  requestSchema: 'ExecuteRequest',
  requestExample: { language: 'python', code: 'print(21 * 2)' },
  answers: {
    200: { description: 'The record, whatever the program did.', ...record },
    400: { description: 'BAD_JSON, BAD_REQUEST or UNKNOWN_FIELD.', ...PROBLEM_ANSWER },
    403: {
      description: 'FORBIDDEN: a page of another origin, or the policy says no.',
      ...PROBLEM_ANSWER,
    },
    408: { description: 'REQUEST_TIMEOUT.', ...PROBLEM_ANSWER },
    409: { description: 'IDEMPOTENCY_CONFLICT.', ...PROBLEM_ANSWER },
    413: { description: 'BODY_TOO_LARGE.', ...PROBLEM_ANSWER },
    415: { description: 'UNSUPPORTED_MEDIA_TYPE.', ...PROBLEM_ANSWER },
    422: {
      description:
        'UNKNOWN_LANGUAGE, LIMIT_TOO_HIGH, LIMIT_TOO_LOW, INVALID_VALUE or IDEMPOTENCY_MISMATCH.',
      ...PROBLEM_ANSWER,
    },
    429: { description: 'RATE_LIMITED or QUOTA_EXCEEDED: `limit` says which.', ...PROBLEM_ANSWER },
    500: {
      description: 'A record with error INTERNAL or INTERRUPTED, or the problem INTERNAL.',
      ...{ ...record, orProblem: true },
    },
    503: {
      description:
        'A record with error SANDBOX_UNAVAILABLE or OVERLOADED, ' +
        'or the problem OVERLOADED, DRAINING or STORE_UNAVAILABLE.',
      ...{ ...record, orProblem: true },
    },
  },
  schemas: { ExecuteRequest, Execution: ExecutionSchema },
};
