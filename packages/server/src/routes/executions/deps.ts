import type { KeptExecution } from '@gozolite/contract/kept/kept';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result } from '@gozolite/contract/result';
import type { Engine } from '@gozolite/engine/engine';
import type { Database } from '@gozolite/store/sql';
import type { Decide, Decided } from '../../executions/decide.js';
import type { Executions, Submission, Taken } from '../../executions/executions.js';
import type { KeyRoom } from '../../executions/keys/key-room.js';
import type { View } from '../../executions/view.js';
import type { Call } from '../../http/route.js';
import type { Endpoints } from '../../webhooks/endpoints.js';

/** What the routes of kept executions share. */
export interface KeptDeps {
  readonly store: Database;
  readonly engine: Pick<Engine, 'missing'>;
  readonly decide: Decide;
  readonly executions: Executions;
  readonly keyRoom: KeyRoom;
  readonly view: View;
  readonly endpoints: Pick<Endpoints, 'named'>;
}

export const NOT_FOUND: Refusal = {
  code: 'NOT_FOUND',
  detail: 'There is no such execution, or it is kept no longer.',
};

export const ID = 'An execution, by its id: exe_ and a UUID.';

const TOLD = { id: '$response.body#/id' };
/** What can be asked of one that an answer tells. */
export const LINKS = { execution: TOLD, events: TOLD, cancel: TOLD };

/** What is kept for nobody else: no cache may have it. */
export const NO_STORE = { 'cache-control': 'no-store' };

export async function submissionOf(
  { engine, endpoints }: Pick<KeptDeps, 'engine' | 'endpoints'>,
  { caller }: Pick<Call, 'caller'>,
  decided: Result<Decided, Refusal>,
): Promise<Submission> {
  if (!decided.ok) return decided;
  const { validated, policy, webhook: name } = decided.value;
  const named = name === undefined ? undefined : await endpoints.named(caller.tenant, name);
  if (named?.ok === false) return named;
  const told = named === undefined ? {} : { webhook: named.value };
  if (validated.kind === 'admitted') {
    return ok({ kind: 'admitted', admitted: validated.admitted, policy, ...told });
  }
  return ok({ kind: 'missing', record: await engine.missing(validated.missing), ...told });
}

export function shownOfTaken(taken: Taken): KeptExecution {
  return taken.kind === 'living' ? taken.living.shown() : taken.shown;
}
