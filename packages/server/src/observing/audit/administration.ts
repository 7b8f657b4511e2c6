import { refuse } from '@gozolite/contract/result';
import type { AuditEvent } from '@gozolite/store/audit/log/entry';
import type { Call, Route } from '../../http/route.js';
import { AUDIT_UNAVAILABLE } from './executions.js';
import type { Recorder } from './recorder.js';

/** What changes tenants and keys is on record, with who did it and to what. */
export function auditedRoute(route: Route, recorder: Recorder): Route {
  if (route.method === 'GET') return route;
  return {
    ...route,
    handle: async (call) => {
      // What was done before and is not on record yet comes first.
      if (!recorder.isReady()) return refuse(AUDIT_UNAVAILABLE);
      const answer = await route.handle(call);
      if (answer.ok && typeof answer.value.body === 'string') {
        recorder.record(eventOf(route, call, answer.value.body));
      }
      return answer;
    },
  };
}

function eventOf(
  { document }: Route,
  { requestId, caller, params }: Call,
  body: string,
): AuditEvent {
  const made = idsIn(JSON.parse(body));
  return {
    kind: 'admin',
    action: document.operationId,
    tenant: caller.tenant,
    key_id: caller.keyId,
    request_id: requestId,
    ...(params.id === undefined ? {} : { target: params.id }),
    ...(made.length === 0 ? {} : { made }),
  };
}

interface Named {
  readonly id?: string;
  readonly info?: Named;
  /** A list of them, or how many. */
  readonly keys?: readonly Named[] | number;
}

/** Ids of tenants and keys in an answer; a key itself is never looked at. */
function idsIn({ id, info, keys = [] }: Named): readonly string[] {
  const each = typeof keys === 'number' ? [] : keys;
  return [id, info?.id, ...each.flatMap(idsIn)].filter((one) => one !== undefined);
}
