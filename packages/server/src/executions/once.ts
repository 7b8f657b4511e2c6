import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Call } from '../http/route.js';
import { type KeptDeps, submissionOf } from '../routes/executions/deps.js';
import type { Taken } from './executions.js';
import { acceptKeyed, onlyOf } from './keys/keyed.js';
import { pause } from './pause.js';

const PATH = '/execute';
const FOREVER_MS = 2 ** 31 - 1;

/**
 * `POST /execute` under an Idempotency-Key: the execution goes on where its caller is lost, its
 * record is kept, and who sends the same again is given that.
 */
export function createOnce(deps: KeptDeps) {
  return async (call: Call): Promise<Result<Execution, Refusal>> => {
    const accepted = await acceptKeyed(deps, call, {
      ...{ path: PATH, patience: 'caller' },
      read: async () => {
        const decided = await deps.decide.ofBody(call, call.body);
        return ok([await submissionOf(deps, call, decided)]);
      },
      answerFor: ([taken]) => (taken?.ok ? idOf(taken.value) : ''),
    });
    if (!accepted.ok) return accepted;
    if (accepted.value.kind === 'known') return recordOf(deps, call, accepted.value.answer);
    const taken = onlyOf(accepted.value.taken);
    if (!taken.ok) return taken;
    if (taken.value.kind === 'ended') return ok(taken.value.record);
    const { living } = taken.value;
    await pause(FOREVER_MS, call.signal, living.over);
    const record = living.record();
    return record === undefined ? refuse(STILL_GOING) : ok(record);
  };
}

function idOf(taken: Taken): string {
  return taken.kind === 'living' ? taken.living.id : taken.record.id;
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
