import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Call } from '../http/route.js';
import { type KeptDeps, submissionOf } from '../routes/executions/deps.js';
import { answered, answerOf, keyOf } from './idempotency.js';
import { pause } from './pause.js';

const PATH = '/execute';
const FOREVER_MS = 2 ** 31 - 1;

/**
 * `POST /execute` under an Idempotency-Key: the execution goes on where its caller is lost, its
 * record is kept, and who sends the same again is given that.
 */
export function createOnce(deps: KeptDeps) {
  return async (call: Call): Promise<Result<Execution, Refusal>> => {
    const key = keyOf(PATH, call);
    if (!key.ok) return key;
    const before = await answered(deps.store, key.value);
    if (!before.ok) return before;
    if (before.value !== undefined) return recordOf(deps, call, before.value);
    const submission = await submissionOf(deps, await deps.decide.ofBody(call, call.body));
    const accepted = await deps.executions.accept([submission], 'caller', ([taken]) => {
      if (key.value === undefined || taken?.ok !== true) return undefined;
      const { value } = taken;
      return { ...key.value, answer: value.kind === 'living' ? value.living.id : value.record.id };
    });
    if (accepted.kind === 'known') {
      const known = key.value && answerOf(accepted.known, key.value);
      if (known === undefined) throw new Error('a key is known that was not given');
      return known.ok ? recordOf(deps, call, known.value) : known;
    }
    const [taken] = accepted.taken;
    if (taken === undefined) throw new Error('of one submission nothing was told');
    if (!taken.ok) return taken;
    if (taken.value.kind === 'ended') return ok(taken.value.record);
    const { living } = taken.value;
    await pause(FOREVER_MS, call.signal, living.over);
    const record = living.record();
    return record === undefined ? refuse(STILL_GOING) : ok(record);
  };
}

async function recordOf(
  { view }: KeptDeps,
  { caller }: Call,
  id: string,
): Promise<Result<Execution, Refusal>> {
  const seen = await view.find(caller.tenant, id);
  if (seen === undefined) return refuse(FORGOTTEN);
  // What was written is a record: nothing else is.
  return seen.record === undefined ? refuse(STILL_GOING) : ok(JSON.parse(seen.record) as Execution);
}

const STILL_GOING: Refusal = {
  code: 'IDEMPOTENCY_CONFLICT',
  detail: 'The first request with this Idempotency-Key has not ended yet.',
  retryAfterMs: 1000,
};

const FORGOTTEN: Refusal = {
  code: 'IDEMPOTENCY_CONFLICT',
  detail: 'The request with this Idempotency-Key has run, and its record is kept no longer.',
};
