import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import { makeExecutionId } from '@gozolite/engine/id';
import { parseBody } from './body.js';
import { type Validated, type ValidationDeps, validate } from './validate.js';

/** What came with a request that is known to be of this tenant. */
export interface Incoming {
  readonly requestId: string;
  readonly createdAt: Date;
  readonly tenant: string;
  readonly body: Buffer;
}

/** From bytes of a stranger to something the engine takes, or the reason why not. */
export function admit(deps: ValidationDeps, request: Incoming): Result<Validated, Refusal> {
  const { requestId, createdAt, tenant } = request;
  const body = parseBody(request.body);
  if (!body.ok) return body;
  const id = makeExecutionId(createdAt.getTime());
  return validate(deps, { id, requestId, createdAt, tenant }, body.value);
}
