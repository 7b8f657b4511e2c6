import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Asking, Engine } from '@gozolite/engine/engine';
import { NO_AMOUNTS } from '@gozolite/store/usage';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import { mostOf, usedSince } from '../admission/usage/spend.js';
import type { Executions } from '../executions/executions.js';
import { onlyOf } from '../executions/keys/keyed.js';
import { placeOf } from '../executions/shown.js';

/** An execution that somebody talks to. */
export interface Underway {
  readonly id: string;
  /** Where it waits, as long as it does. */
  place(): { readonly position?: number; readonly expected_wait_ms?: number };
  cancel(): void;
  /** Its record; undefined where it could not be written down. */
  readonly end: Promise<Execution | undefined>;
}

export type Begin = (
  admitted: Admitted,
  policy: Policy,
  talk: Required<Pick<Asking, 'watch' | 'interaction'>>,
) => Promise<Result<Underway, Refusal>>;

/** Written down before it starts, and kept, as those that nobody waits for. */
export function beginKept(executions: Executions): Begin {
  return async (admitted, policy, talk) => {
    const submission = ok({ kind: 'admitted', admitted, policy, with: talk } as const);
    const accepted = await executions.accept([submission], 'caller', () => undefined);
    if (accepted.kind !== 'taken') throw new Error('a key is known that was not given');
    const taken = onlyOf(accepted.taken);
    if (!taken.ok) return taken;
    if (taken.value.kind !== 'living') throw new Error('it has ended before it began');
    const { living } = taken.value;
    return ok({
      id: living.id,
      place: () => {
        const { position, expected_wait_ms: expected } = living.shown();
        if (position === undefined || expected === undefined) return {};
        return { position, expected_wait_ms: expected };
      },
      cancel: living.cancel,
      end: living.over.then(() => living.record()),
    });
  };
}

/** Where nothing is kept. */
export function beginUnkept(engine: Engine, meter: Meter): Begin {
  return async (admitted, policy, talk) => {
    const { id: execution, tenant } = admitted;
    const held = await meter.begin({ execution, tenant, policy, ...mostOf(admitted) });
    if (!held.ok) return held;
    const cancelled = new AbortController();
    const asking = { ...talk, signal: cancelled.signal, patience: 'caller' } as const;
    const begun = engine.begin(admitted, asking);
    if (!begun.ok) {
      held.value.settle(NO_AMOUNTS);
      return begun;
    }
    const beganMs = performance.now();
    const { waiting, end } = begun.value;
    const settled = end.then(async (record) => {
      held.value.settle(usedSince(beganMs, record, admitted));
      return record;
    });
    const place = () => placeOf(waiting());
    return ok({ id: execution, place, cancel: () => cancelled.abort(), end: settled });
  };
}
