import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Patience } from '@gozolite/engine/queue/queue';
import type { Database } from '@gozolite/store/sql';
import type { Call } from '../../http/route.js';
import type { Executions, Submission, Taken } from '../executions.js';
import { answered, answerOf, keyOf } from './idempotency.js';
import type { KeyRoom } from './key-room.js';

type AllTaken = readonly Result<Taken, Refusal>[];

export interface Asked {
  /** The route's: the same key elsewhere is another. */
  readonly path: string;
  readonly patience: Patience;
  /** What is to be accepted: asked for once the key is known to be new. */
  readonly read: () => Promise<Result<readonly Submission[], Refusal>>;
  /** What is answered, and kept under the key; nothing ('') leaves it free. */
  readonly answerFor: (taken: AllTaken) => string;
}

export type Outcome =
  /** The answer as it is kept: told again, it is the same, whatever has started by now. */
  | { readonly kind: 'taken'; readonly taken: AllTaken; readonly answer: string }
  /** The key was used before, and this was kept under it. */
  | { readonly kind: 'known'; readonly answer: string };

export interface AcceptDeps {
  readonly store: Database;
  readonly executions: Executions;
  readonly keyRoom: KeyRoom;
}

/** Accepts what a request asks for, once for each of its tenant's Idempotency-Keys. */
export async function acceptKeyed(
  { store, executions, keyRoom }: AcceptDeps,
  call: Call,
  { path, patience, read, answerFor }: Asked,
): Promise<Result<Outcome, Refusal>> {
  const asked = keyOf(path, call);
  if (!asked.ok) return asked;
  const key = asked.value;
  const before = await answered(store, key);
  if (!before.ok) return before;
  if (before.value !== undefined) return ok({ kind: 'known', answer: before.value });
  const crowded = key && (await keyRoom.refuse(key));
  if (crowded !== undefined) return refuse(crowded);
  const submissions = await read();
  if (!submissions.ok) return submissions;
  let answer = '';
  const accepted = await executions.accept(submissions.value, patience, (taken) => {
    answer = answerFor(taken);
    return key === undefined || answer === '' ? undefined : { ...key, answer };
  });
  if (accepted.kind === 'taken') return ok({ ...accepted, answer });
  if (key === undefined) throw new Error('a key is known that was not given');
  const known = answerOf(accepted.known, key);
  return known.ok ? ok({ kind: 'known', answer: known.value }) : known;
}

/** Of a request for one. */
export function onlyOf([taken]: AllTaken): Result<Taken, Refusal> {
  if (taken === undefined) throw new Error('of one submission nothing was told');
  return taken;
}
