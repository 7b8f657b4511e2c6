import { KeptExecution } from '@gozolite/contract/kept/kept';
import { ok } from '@gozolite/contract/result';
import { SubmitRequest } from '@gozolite/contract/webhooks/webhook';
import { IDEMPOTENCY_HEADER } from '../../executions/keys/idempotency.js';
import { acceptKeyed, onlyOf } from '../../executions/keys/keyed.js';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import { type Answer, JSON_MEDIA_TYPE, type Route, type RouteDocument } from '../../http/route.js';
import { type KeptDeps, LINKS, NO_STORE, shownOfTaken, submissionOf } from './deps.js';

const PATH = '/executions';

/** Takes a program in, and answers before it has run. */
export function submitRoute(deps: KeptDeps): Route {
  return {
    method: 'POST',
    path: PATH,
    document,
    handle: async (call) => {
      const accepted = await acceptKeyed(deps, call, {
        ...{ path: PATH, patience: 'kept' },
        read: async () => {
          const decided = await deps.decide.ofSubmission(call, call.body);
          return ok([await submissionOf(deps, call, decided)]);
        },
        answerFor: ([taken]) => (taken?.ok ? JSON.stringify(shownOfTaken(taken.value)) : ''),
      });
      if (!accepted.ok) return accepted;
      const { value } = accepted;
      if (value.kind === 'known') return ok(acceptedAs(value.answer));
      const taken = onlyOf(value.taken);
      if (!taken.ok) return taken;
      const headers = taken.value.kind === 'living' ? taken.value.headers : {};
      return ok(acceptedAs(value.answer, headers));
    },
  };
}

function acceptedAs(text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const { id } = JSON.parse(text) as KeptExecution;
  return {
    status: 202,
    headers: { ...NO_STORE, ...headers, location: `${PATH}/${id}` },
    mediaType: JSON_MEDIA_TYPE,
    body: text,
  };
}

const document: RouteDocument = {
  operationId: 'submit',
  access: 'execute',
  summary: 'Accept a program and answer at once; ask for its record later.',
  description:
    'What is accepted ends in exactly one record, also where the server is killed: then as ' +
    'failed with the error INTERRUPTED. `webhook` names who is told of it.',
  headers: IDEMPOTENCY_HEADER,
  requestSchema: 'SubmitRequest',
  requestExample: { language: 'python', code: 'print(21 * 2)' },
  answers: {
    202: {
      description: 'Accepted; Location says where to ask.',
      schema: 'KeptExecution',
      links: LINKS,
    },
    400: { description: 'BAD_JSON, BAD_REQUEST or UNKNOWN_FIELD.', ...PROBLEM_ANSWER },
    403: { description: 'FORBIDDEN: the policy says no.', ...PROBLEM_ANSWER },
    409: { description: 'IDEMPOTENCY_CONFLICT.', ...PROBLEM_ANSWER },
    413: { description: 'BODY_TOO_LARGE.', ...PROBLEM_ANSWER },
    415: { description: 'UNSUPPORTED_MEDIA_TYPE.', ...PROBLEM_ANSWER },
    422: {
      description: 'A value is not allowed, as for /execute; or IDEMPOTENCY_MISMATCH.',
      ...PROBLEM_ANSWER,
    },
    429: { description: 'RATE_LIMITED or QUOTA_EXCEEDED: `limit` says which.', ...PROBLEM_ANSWER },
    503: {
      description: 'OVERLOADED, DRAINING, STORE_UNAVAILABLE or AUDIT_UNAVAILABLE.',
      ...PROBLEM_ANSWER,
    },
  },
  schemas: { SubmitRequest, KeptExecution },
};
