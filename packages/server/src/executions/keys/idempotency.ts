import { createHash } from 'node:crypto';
import { KEPT_BOUNDS } from '@gozolite/contract/kept/kept';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { type Claim, type Claimed, findClaim } from '@gozolite/store/idempotency';
import type { Database } from '@gozolite/store/sql';
import type { Call } from '../../http/route.js';
import { CLAIM_MS } from '../keeping.js';

const MOST = KEPT_BOUNDS.idempotencyKeyBytesMax;
/** What is in quotes may hold quotes; what begins with one ends with one. */
const PATTERN = `^("[!-~]{1,${MOST}}"|[!#-~][!-~]{0,${MOST - 1}})$`;
const IS_KEY = new RegExp(PATTERN);

/** Where OpenAPI says it. */
export const IDEMPOTENCY_HEADER = {
  'Idempotency-Key': {
    description:
      'The same key with the same body has the same answer for 24 hours: it runs once, however ' +
      'often it is sent.',
    schema: { type: 'string', pattern: PATTERN },
  },
};

/** A request's key, before it is known whether it was used. */
export type Key = Omit<Claim, 'answer'>;

/**
 * The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header): a string in
 * quotes, or the same without them. Undefined where there is none.
 */
export function keyOf(path: string, call: Call): Result<Key | undefined, Refusal> {
  const given = call.headers['idempotency-key'];
  if (given === undefined) return ok(undefined);
  if (!IS_KEY.test(given)) {
    const detail =
      `Idempotency-Key has 1 to ${MOST} visible characters, a UUID for example; ` +
      'a quote that it begins with is closed at its end.';
    return refuse({ code: 'BAD_REQUEST', detail });
  }
  const name = given.startsWith('"') ? given.slice(1, -1) : given;
  const digest = createHash('sha256').update(`${path}\n`).update(call.body).digest('hex');
  const at = call.receivedAt.getTime();
  return ok({ tenant: call.caller.tenant, name, digest, at, since: at - CLAIM_MS });
}

/** To do it all the same would be to do it twice, one day. */
export const NOTHING_KEPT: Refusal = {
  code: 'BAD_REQUEST',
  detail: 'This server keeps nothing (GOZO_ASYNC=false), so it can honour no Idempotency-Key.',
};

/** What was answered to the first request with this key; undefined where this one is the first. */
export async function answered(
  store: Database,
  key: Key | undefined,
): Promise<Result<string | undefined, Refusal>> {
  const known = key === undefined ? undefined : await findClaim(store, key);
  return known === undefined || key === undefined ? ok(undefined) : answerOf(known, key);
}

export function answerOf(known: Claimed, key: Key): Result<string, Refusal> {
  if (known.digest === key.digest) return ok(known.answer);
  const detail = `The Idempotency-Key "${key.name}" stands for another body or path.`;
  return refuse({ code: 'IDEMPOTENCY_MISMATCH', detail });
}
