import {
  ExecuteRequest,
  type Execution,
  Execution as ExecutionSchema,
  FAILURES,
} from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Engine } from '@gozolite/engine/engine';
import { createTurns } from '@gozolite/engine/turns';
import { NO_AMOUNTS } from '@gozolite/store/usage';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import { admit } from '../admission/admit.js';
import { createShapeCheck } from '../admission/shape.js';
import { mostOf, usedBy } from '../admission/usage/spend.js';
import type { ValidationDeps } from '../admission/validate.js';
import { PROBLEM_ANSWER } from '../http/problem.js';
import { type Answer, json, type Route, type RouteDocument } from '../http/route.js';
import type { DataSets } from '../packs/data.js';
import type { Toolchains } from '../toolchains.js';

export interface ExecuteDeps {
  readonly engine: Engine;
  readonly toolchains: Toolchains;
  readonly policies: Policies;
  readonly dataOf: (policy: Policy) => DataSets;
  readonly takes?: ValidationDeps['takes'];
  readonly meter: Meter;
  readonly log: Logger;
}

/** Runs one program and waits for its end; the closed connection cancels it. */
export function executeRoute(deps: ExecuteDeps): Route {
  const { engine, toolchains, policies, meter, takes, log } = deps;
  const hasShape = createShapeCheck();
  const turn = createTurns();
  return {
    method: 'POST',
    path: '/execute',
    document,
    handle: async ({ requestId, receivedAt, caller, body, signal }) => {
      const own = policies.of(caller.tenant);
      const paced = meter.pace(caller.tenant, own);
      if (!paced.ok) return paced;
      const registry = await toolchains.opened;
      await turn();
      const request = { requestId, createdAt: receivedAt, tenant: caller.tenant, body };
      const deciding = { hasShape, registry, takes, ...policyFor(deps, own) };
      const validated = admit(deciding, request);
      if (!validated.ok) {
        log.info({ requestId, refusal: validated.error.code }, 'request refused');
        return validated;
      }
      if (validated.value.kind === 'missing') {
        if (toolchains.isLost()) return refuse(NOT_LOOKED_FOR);
        return ok(answerOf(await engine.missing(validated.value.missing)));
      }
      return metered(deps, own, { admitted: validated.value.admitted, signal });
    },
  };
}

/** The execution, between what is set aside for it and what it really used. */
async function metered(
  { engine, meter }: ExecuteDeps,
  policy: Policy,
  { admitted, signal }: { readonly admitted: Admitted; readonly signal: AbortSignal },
): Promise<Result<Answer, Refusal>> {
  const { id: execution, tenant } = admitted;
  const held = await meter.begin({ execution, tenant, policy, ...mostOf(admitted) });
  if (!held.ok) return held;
  const beganMs = performance.now();
  const executed = await engine.execute(admitted, signal);
  const elapsedMs = performance.now() - beganMs;
  const used = executed.ok ? usedBy(executed.value, admitted, elapsedMs) : NO_AMOUNTS;
  await held.value.settle(used);
  if (!executed.ok) return executed;
  const answer = answerOf(executed.value);
  return ok({ ...answer, headers: { ...held.value.headers, ...answer.headers } });
}

/** A policy that changes holds from the next request on. */
function policyFor({ policies, dataOf }: ExecuteDeps, own: Policy) {
  const { limits: policy, network, digest } = own;
  const policyDigest = policies.isConfigured ? { policyDigest: digest } : {};
  return { own, policy, network, data: dataOf(own), ...policyDigest };
}

/** Nothing could be looked for: `missing` would be a guess. */
const NOT_LOOKED_FOR: Refusal = {
  code: 'OVERLOADED',
  detail:
    'The launcher is away, or its isolation below the floor (GET /readyz says which), so the ' +
    'toolchains are not known yet.',
  retryAfterMs: 2000,
};

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
    413: { description: 'BODY_TOO_LARGE.', ...PROBLEM_ANSWER },
    415: { description: 'UNSUPPORTED_MEDIA_TYPE.', ...PROBLEM_ANSWER },
    422: {
      description: 'UNKNOWN_LANGUAGE, LIMIT_TOO_HIGH, LIMIT_TOO_LOW or INVALID_VALUE.',
      ...PROBLEM_ANSWER,
    },
    429: { description: 'RATE_LIMITED or QUOTA_EXCEEDED: `limit` says which.', ...PROBLEM_ANSWER },
    500: { description: 'A record with error INTERNAL or INTERRUPTED.', ...record },
    503: {
      description:
        'A record with error SANDBOX_UNAVAILABLE or OVERLOADED, ' +
        'or the problem OVERLOADED or DRAINING.',
      ...record,
    },
  },
  schemas: { ExecuteRequest, Execution: ExecutionSchema },
};
