import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import {
  DELIVERY_STATES,
  Delivery,
  DeliveryList,
  WEBHOOK_BOUNDS,
} from '@gozolite/contract/webhooks/webhook';
import type { DeliverySelection } from '@gozolite/store/webhooks/deliveries';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import { answered, type Call, json, type Route } from '../../http/route.js';
import type { Endpoints } from '../../webhooks/endpoints.js';
import { changerOf, FORBIDDEN, idOf, TENANT, tenantOf } from './caller.js';

const PAGE = 20;
const ID = '^[A-Za-z0-9_-]{0,64}$';
const idOfKind = (description: string) => ({
  description,
  schema: { type: 'string', pattern: ID },
});
const LISTED = {
  webhook: idOfKind('Only of this webhook, by its id.'),
  execution: idOfKind('Only of this execution.'),
  state: {
    description: `Only those that are ${DELIVERY_STATES.join(', ')}.`,
    schema: { type: 'string', enum: ['', ...DELIVERY_STATES] },
  },
  limit: {
    description: `How many at most, up to ${WEBHOOK_BOUNDS.pageMax}; default ${PAGE}.`,
    schema: { type: 'integer', minimum: 1, maximum: WEBHOOK_BOUNDS.pageMax, default: PAGE },
  },
  cursor: idOfKind('next_cursor of the page before.'),
  tenant: TENANT,
};

export function deliveriesRoute({ deliveries }: Endpoints): Route {
  return {
    method: 'GET',
    path: '/deliveries',
    document: {
      operationId: 'deliveries',
      summary: 'What webhooks were told and are to be told, newest first, with every attempt.',
      access: 'read',
      parameters: LISTED,
      answers: {
        200: { description: 'A page; without next_cursor it is the last.', schema: 'DeliveryList' },
        400: { description: 'UNKNOWN_FIELD: no such parameter.', ...PROBLEM_ANSWER },
        403: { description: FORBIDDEN, ...PROBLEM_ANSWER },
        422: { description: 'INVALID_VALUE.', ...PROBLEM_ANSWER },
      },
      schemas: { Delivery, DeliveryList },
    },
    handle: async (call) => {
      const tenant = tenantOf(call);
      if (!tenant.ok) return tenant;
      const selection = selectionOf(call);
      if (!selection.ok) return selection;
      const { limit } = selection.value;
      const found = await deliveries(tenant.value, { ...selection.value, limit: limit + 1 });
      const page = found.slice(0, limit);
      const next = found.length > limit ? page.at(-1)?.id : undefined;
      return ok(json(200, { deliveries: page, ...(next && { next_cursor: next }) }));
    },
  };
}

export function redeliverRoute({ redeliver }: Endpoints): Route {
  return {
    method: 'POST',
    path: '/deliveries/{id}/redeliver',
    document: {
      operationId: 'redeliver',
      summary: 'Deliver it now, once more, under the same webhook-id.',
      access: 'execute',
      parameters: { id: 'A delivery, by its id: msg_ and a UUID.' },
      answers: {
        200: { description: 'It is under way.', schema: 'Delivery' },
        403: { description: FORBIDDEN, ...PROBLEM_ANSWER },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
        409: { description: 'CONFLICT: its execution has not ended.', ...PROBLEM_ANSWER },
      },
      schemas: { Delivery },
    },
    handle: async (call) => {
      const tenant = changerOf(call);
      return tenant.ok ? answered(200, await redeliver(tenant.value, idOf(call))) : tenant;
    },
  };
}

function selectionOf({ query }: Call): Result<DeliverySelection, Refusal> {
  const unknown = Object.keys(query).find((name) => !Object.hasOwn(LISTED, name));
  if (unknown !== undefined) {
    const known = Object.keys(LISTED).join(', ');
    const detail = `There is no parameter "${unknown.slice(0, 128)}"; there are ${known}.`;
    return refuse({ code: 'UNKNOWN_FIELD', detail });
  }
  const { webhook = '', execution = '', state = '', cursor = '', limit = String(PAGE) } = query;
  if (state !== '' && !DELIVERY_STATES.some((each) => each === state)) {
    return refuse(invalid('state', DELIVERY_STATES.join(', ')));
  }
  const odd = Object.entries({ webhook, execution, cursor }).find(([, id]) => !isId(id));
  if (odd !== undefined) return refuse(invalid(odd[0], 'an id, as an answer gave it'));
  const most = /^\d{1,3}$/.test(limit) ? Number(limit) : 0;
  if (most < 1 || most > WEBHOOK_BOUNDS.pageMax) {
    return refuse(invalid('limit', `a whole number from 1 to ${WEBHOOK_BOUNDS.pageMax}`));
  }
  return ok({ webhook, execution, state, before: cursor, limit: most });
}

function isId(text: string): boolean {
  return new RegExp(ID).test(text);
}

function invalid(name: string, what: string): Refusal {
  return { code: 'INVALID_VALUE', detail: `${name} is ${what}.` };
}
