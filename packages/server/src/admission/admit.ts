import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import { makeExecutionId } from '@gozolite/engine/id';
import type { Span } from '@gozolite/telemetry/tracing/span';
import { type Validated, type ValidationDeps, validate } from './validate.js';

/** What came with a request that is known to be of this tenant. */
export interface Incoming {
  readonly requestId: string;
  readonly createdAt: Date;
  readonly tenant: string;
  readonly span?: Span | undefined;
}

/** From a stranger's parsed body to something the engine takes, or the reason why not. */
export function admitValue(
  deps: ValidationDeps,
  from: Incoming,
  value: unknown,
): Result<Validated, Refusal> {
  const id = makeExecutionId(from.createdAt.getTime());
  return validate(deps, { id, ...from }, value);
}
