import { ok } from '@gozolite/contract/result';
import { type Engine, executeBy } from '@gozolite/engine/engine';
import type { ExecutionWatch } from '../watched.js';
import { attributesOf, endOf } from './executions.js';
import { endWith } from './parts.js';

/** The same engine, and each execution is a part of its request's trace. */
export function traced(engine: Engine): Engine {
  const begin: Engine['begin'] = (asked, asking) => {
    const span = asked.span?.begin('execute', attributesOf(asked));
    if (span === undefined) return engine.begin(asked, asking);
    const begun = engine.begin({ ...asked, span }, asking);
    if (!begun.ok) {
      endWith(span, begun);
      return begun;
    }
    const end = begun.value.end.then((execution) => {
      endOf(span, execution);
      return execution;
    });
    return ok({ ...begun.value, end });
  };
  return {
    ...engine,
    begin,
    execute: executeBy(begin),
  };
}

/** What is put on record takes its time too. */
export function tracedAudit(watch: ExecutionWatch): ExecutionWatch {
  const { admitted: admit, ended: end } = watch;
  return {
    ...watch,
    admitted: (admitted) => {
      const span = admitted.span?.begin('audit');
      const refusal = admit?.(admitted);
      span?.end(refusal?.code);
      return refusal;
    },
    ended: (execution, identity, admitted) => {
      const span = identity.span?.begin('audit');
      end(execution, identity, admitted);
      span?.end();
    },
  };
}
