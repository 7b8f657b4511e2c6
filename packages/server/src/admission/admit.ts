import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import { makeExecutionId } from '@gozolite/engine/id';
import { parseBody } from './body.js';
import { type Validated, type ValidationDeps, validate } from './validate.js';

/** Without keys there is one tenant, on loopback only. */
const LOCAL_TENANT = 'local';

export interface Anonymous {
  readonly requestId: string;
  readonly createdAt: Date;
  readonly body: Buffer;
}

/** From bytes of a stranger to something the engine takes, or the reason why not. */
export function admit(deps: ValidationDeps, request: Anonymous): Result<Validated, Refusal> {
  const { requestId, createdAt } = request;
  const body = parseBody(request.body);
  if (!body.ok) return body;
  const id = makeExecutionId(createdAt.getTime());
  return validate(deps, { id, requestId, createdAt, tenant: LOCAL_TENANT }, body.value);
}
