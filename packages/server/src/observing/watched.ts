import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok } from '@gozolite/contract/result';
import type { Admitted, Identity } from '@gozolite/engine/admitted';
import { type Engine, executeBy } from '@gozolite/engine/engine';

/** Who is told of every execution, by whichever way it came. None of it may wait or throw. */
export interface ExecutionWatch {
  /** It has its place, and nothing of it has started. @returns why it may not be run */
  readonly admitted?: (admitted: Admitted) => Refusal | undefined;
  /** It has its slot. */
  readonly started?: (admitted: Admitted) => void;
  /** It never had a place. */
  readonly refused?: (admitted: Admitted, refusal: Refusal) => void;
  /**
   * Where its record is kept, that is written down by now.
   * @param admitted absent where the language has no toolchain: nothing was to run
   */
  readonly ended: (execution: Execution, identity: Identity, admitted?: Admitted) => void;
}

/** The same engine, with somebody who looks on. */
export function watched(engine: Engine, watches: readonly ExecutionWatch[]): Engine {
  const begin: Engine['begin'] = (admitted, asking) => {
    const own: { refusal?: Refusal | undefined } = {};
    const admit = () => {
      own.refusal = firstOf(watches, admitted);
      return own.refusal;
    };
    const begun = engine.begin(admitted, { ...asking, admit });
    if (!begun.ok) {
      // Who refused it has told of that.
      if (own.refusal !== undefined) return begun;
      for (const { refused } of watches) refused?.(admitted, begun.error);
      return begun;
    }
    const end = begun.value.end.then((execution) => {
      for (const { ended } of watches) ended(execution, admitted, admitted);
      return execution;
    });
    return ok({ ...begun.value, end });
  };
  return {
    ...engine,
    begin,
    execute: executeBy(begin),
    missing: async (request) => {
      const execution = await engine.missing(request);
      for (const { ended } of watches) ended(execution, request);
      return execution;
    },
  };
}

/** For the engine, which alone knows when an execution has its slot. */
export function tellStarted(watches: readonly ExecutionWatch[]): (admitted: Admitted) => void {
  return (admitted) => {
    for (const { started } of watches) started?.(admitted);
  };
}

function firstOf(watches: readonly ExecutionWatch[], admitted: Admitted): Refusal | undefined {
  for (const watch of watches) {
    const refusal = watch.admitted?.(admitted);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
