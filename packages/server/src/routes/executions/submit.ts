import { ExecuteRequest } from '@gozolite/contract/execution';
import { KeptExecution } from '@gozolite/contract/kept/kept';
import { ok } from '@gozolite/contract/result';
import { answered, answerOf, IDEMPOTENCY_HEADER, keyOf } from '../../executions/idempotency.js';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import type { Answer, Route, RouteDocument } from '../../http/route.js';
import { type KeptDeps, NO_STORE, shownOfTaken, submissionOf } from './deps.js';

const PATH = '/executions';

/** Takes a program in, and answers before it has run. */
export function submitRoute(deps: KeptDeps): Route {
  const { store, decide, executions } = deps;
  return {
    method: 'POST',
    path: PATH,
    document,
    handle: async (call) => {
      const key = keyOf(PATH, call);
      if (!key.ok) return key;
      const before = await answered(store, key.value);
      if (!before.ok) return before;
      if (before.value !== undefined) return ok(acceptedAs(before.value));
      const submission = await submissionOf(deps, await decide.ofBody(call, call.body));
      const accepted = await executions.accept([submission], 'kept', ([taken]) => {
        if (key.value === undefined || taken?.ok !== true) return undefined;
        return { ...key.value, answer: JSON.stringify(shownOfTaken(taken.value)) };
      });
      if (accepted.kind === 'known') {
        const known = key.value && answerOf(accepted.known, key.value);
        if (known === undefined) throw new Error('a key is known that was not given');
        return known.ok ? ok(acceptedAs(known.value)) : known;
      }
      const [taken] = accepted.taken;
      if (taken === undefined) throw new Error('of one submission nothing was told');
      if (!taken.ok) return taken;
      const headers = taken.value.kind === 'living' ? taken.value.headers : {};
      return ok(acceptedAs(JSON.stringify(shownOfTaken(taken.value)), headers));
    },
  };
}

function acceptedAs(text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const { id } = JSON.parse(text) as KeptExecution;
  return {
    status: 202,
    headers: { ...NO_STORE, ...headers, location: `${PATH}/${id}` },
    mediaType: 'application/json; charset=utf-8',
    body: text,
  };
}

const document: RouteDocument = {
  operationId: 'submit',
  access: 'execute',
  summary: 'Accept a program and answer at once; ask for its record later.',
  description:
    'What is accepted ends in exactly one record, also where the server is killed: then as ' +
    'failed with the error INTERRUPTED.',
  headers: IDEMPOTENCY_HEADER,
  requestSchema: 'ExecuteRequest',
  requestExample: { language: 'python', code: 'print(21 * 2)' },
  answers: {
    202: { description: 'Accepted; Location says where to ask.', schema: 'KeptExecution' },
    400: { description: 'BAD_JSON, BAD_REQUEST or UNKNOWN_FIELD.', ...PROBLEM_ANSWER },
    403: { description: 'FORBIDDEN: the policy says no.', ...PROBLEM_ANSWER },
    413: { description: 'BODY_TOO_LARGE.', ...PROBLEM_ANSWER },
    415: { description: 'UNSUPPORTED_MEDIA_TYPE.', ...PROBLEM_ANSWER },
    422: {
      description: 'A value is not allowed, as for /execute; or IDEMPOTENCY_MISMATCH.',
      ...PROBLEM_ANSWER,
    },
    429: { description: 'RATE_LIMITED or QUOTA_EXCEEDED: `limit` says which.', ...PROBLEM_ANSWER },
    503: { description: 'OVERLOADED or DRAINING.', ...PROBLEM_ANSWER },
  },
  schemas: { ExecuteRequest, KeptExecution },
};
