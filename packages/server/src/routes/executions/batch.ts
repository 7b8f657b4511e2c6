import { BatchAnswer, KEPT_BOUNDS, KeptExecution } from '@gozolite/contract/kept/kept';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result } from '@gozolite/contract/result';
import { Batch, SubmitRequest } from '@gozolite/contract/webhooks/webhook';
import { Type } from 'typebox';
import type { Submission, Taken } from '../../executions/executions.js';
import { IDEMPOTENCY_HEADER } from '../../executions/keys/idempotency.js';
import { acceptKeyed } from '../../executions/keys/keyed.js';
import { PROBLEM_ANSWER, problemOf } from '../../http/problem.js';
import {
  type Answer,
  type Call,
  JSON_MEDIA_TYPE,
  type Route,
  type RouteDocument,
} from '../../http/route.js';
import { bodyReader } from '../admin/input.js';
import { type KeptDeps, NO_STORE, shownOfTaken, submissionOf } from './deps.js';

const PATH = '/executions/batch';

/** Each member is judged by itself: the form of the whole is all that is asked here. */
const Whole = Type.Object(
  {
    executions: Type.Array(Type.Unknown(), { minItems: 1, maxItems: KEPT_BOUNDS.batchMax }),
  },
  { additionalProperties: false },
);

/** Takes many programs in at once; each is accepted or refused by itself. */
export function batchRoute(deps: KeptDeps): Route {
  const read = bodyReader(Whole);
  return {
    method: 'POST',
    path: PATH,
    document,
    handle: async (call) => {
      const accepted = await acceptKeyed(deps, call, {
        ...{ path: PATH, patience: 'kept' },
        answerFor: (taken) => JSON.stringify(answerFor(taken, call.requestId)),
        read: async () => {
          const whole = read(call.body);
          return whole.ok ? ok(await submissionsOf(deps, call, whole.value.executions)) : whole;
        },
      });
      if (!accepted.ok) return accepted;
      return ok(acceptedAs(accepted.value.answer));
    },
  };
}

async function submissionsOf(deps: KeptDeps, call: Call, all: readonly unknown[]) {
  const submissions: Submission[] = [];
  for (const each of all) {
    submissions.push(await submissionOf(deps, call, await deps.decide.ofValue(call, each)));
  }
  return submissions;
}

function answerFor(taken: readonly Result<Taken, Refusal>[], requestId: string): BatchAnswer {
  return {
    executions: taken.map((each) =>
      each.ok
        ? { execution: shownOfTaken(each.value) }
        : { problem: problemOf(each.error, requestId) },
    ),
  };
}

function acceptedAs(body: string): Answer {
  return { status: 202, headers: NO_STORE, mediaType: JSON_MEDIA_TYPE, body };
}

const document: RouteDocument = {
  operationId: 'submitBatch',
  access: 'execute',
  summary: `Accept up to ${KEPT_BOUNDS.batchMax} programs at once.`,
  description:
    'Each is accepted or refused by itself, and told in the order of the requests; those that ' +
    'are accepted are so together. Pointers of a problem are into its own request.',
  headers: IDEMPOTENCY_HEADER,
  requestSchema: 'Batch',
  requestExample: { executions: [{ language: 'python', code: 'print(21 * 2)' }] },
  answers: {
    202: { description: 'Of each an execution or a problem.', schema: 'BatchAnswer' },
    400: { description: 'BAD_JSON, BAD_REQUEST or UNKNOWN_FIELD.', ...PROBLEM_ANSWER },
    413: { description: 'BODY_TOO_LARGE.', ...PROBLEM_ANSWER },
    415: { description: 'UNSUPPORTED_MEDIA_TYPE.', ...PROBLEM_ANSWER },
    422: { description: 'INVALID_VALUE or IDEMPOTENCY_MISMATCH.', ...PROBLEM_ANSWER },
  },
  schemas: { Batch, BatchAnswer, KeptExecution, SubmitRequest },
};
