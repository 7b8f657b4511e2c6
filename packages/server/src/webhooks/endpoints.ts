import { randomUUID } from 'node:crypto';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import {
  type CreatedWebhook,
  type Delivery,
  type DeliveryAttempt,
  type DeliveryState,
  EVENT_TYPE,
  type NewWebhook,
  type Payload,
  WEBHOOK_BOUNDS,
  type WebhookInfo,
  type WhyDisabled,
} from '@gozolite/contract/webhooks/webhook';
import type { Database } from '@gozolite/store/sql';
import {
  type DeliveryRow,
  type DeliverySelection,
  listDeliveries,
  redeliver,
} from '@gozolite/store/webhooks/deliveries';
import {
  deleteWebhook,
  enableWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  rotateWebhook,
  type WebhookRow,
} from '@gozolite/store/webhooks/webhooks';
import type { Sealing } from '@gozolite/tenancy/keys/sealing';
import { makeWebhookSecret } from './sending/signature.js';
import { type TargetRules, targetFault } from './sending/target.js';

export interface EndpointsDeps {
  readonly store: Database;
  /** Opened when the first secret is: without webhooks none is needed. */
  readonly sealing: () => Promise<Sealing>;
  readonly rules: TargetRules;
  readonly nowMs: () => number;
  /** Something is due. */
  readonly wake: () => void;
}

type Answer<T> = Promise<Result<T, Refusal>>;

/** A tenant's webhooks and what they were told, as the API changes and tells them. */
export interface Endpoints {
  create(tenant: string, wanted: NewWebhook): Answer<CreatedWebhook>;
  list(tenant: string): Promise<readonly WebhookInfo[]>;
  remove(tenant: string, id: string): Answer<WebhookInfo>;
  rotate(tenant: string, id: string, graceS: number): Answer<CreatedWebhook>;
  enable(tenant: string, id: string): Answer<WebhookInfo>;
  deliveries(tenant: string, selection: DeliverySelection): Promise<readonly Delivery[]>;
  redeliver(tenant: string, id: string): Answer<Delivery>;
  /** By id or URL. @returns its id */
  named(tenant: string, name: string): Answer<string>;
}

/** Where a sealed secret belongs: in another row it does not open. */
export function placeOf({ tenant, id }: Pick<WebhookRow, 'tenant' | 'id'>): string {
  return `webhook ${tenant} ${id}`;
}

export function createEndpoints(deps: EndpointsDeps): Endpoints {
  const { store, sealing, nowMs, wake } = deps;
  return {
    create: (tenant, wanted) => create(deps, tenant, wanted),
    list: async (tenant) => (await listWebhooks(store, tenant)).map(infoOf),
    remove: async (tenant, id) => {
      const removed = await store.transaction((sql) => deleteWebhook(sql, tenant, id));
      return removed === undefined ? refuse(noWebhook(id)) : ok(infoOf(removed));
    },
    rotate: async (tenant, id, graceS) => {
      const secret = makeWebhookSecret();
      const sealed = (await sealing()).seal(secret, placeOf({ tenant, id }));
      const row = await rotateWebhook(store, { tenant, id }, sealed, nowMs() + 1000 * graceS);
      return row === undefined ? refuse(noWebhook(id)) : ok({ secret, info: infoOf(row) });
    },
    enable: async (tenant, id) => {
      const row = await enableWebhook(store, tenant, id);
      return row === undefined ? refuse(noWebhook(id)) : ok(infoOf(row));
    },
    deliveries: async (tenant, selection) =>
      (await listDeliveries(store, tenant, selection)).map(deliveryOf),
    redeliver: async (tenant, id) => {
      const row = await redeliver(store, tenant, id, nowMs());
      if (row === undefined) return refuse(NO_DELIVERY);
      if (row.state === 'waiting') return refuse(NOT_ENDED);
      wake();
      return ok(deliveryOf(row));
    },
    named: async (tenant, name) => {
      const found = await findWebhook(store, tenant, name);
      if (found !== undefined) return ok(found.id);
      const detail =
        'There is no such webhook of this tenant: register it first (POST /webhooks), ' +
        'then name it by its id or its URL.';
      const code = 'INVALID_VALUE';
      return refuse({ code, detail, errors: [{ pointer: '/webhook', code, detail }] });
    },
  };
}

async function create(deps: EndpointsDeps, tenant: string, wanted: NewWebhook) {
  const { store, sealing, rules, nowMs } = deps;
  const { url, payload = 'record', description = '' } = wanted;
  const fault = targetFault(url, rules);
  if (fault !== undefined) return refuse(invalid('/url', fault));
  const id = `whk_${randomUUID()}`;
  const secret = makeWebhookSecret();
  const row: WebhookRow = {
    ...{ id, tenant, url, payload, description, createdAt: nowMs() },
    secret: (await sealing()).seal(secret, placeOf({ tenant, id })),
    ...{ oldSecret: null, oldSecretUntil: null },
    ...{ failingSince: null, disabledAt: null, disabledWhy: null },
  };
  return store.exclusively<Result<CreatedWebhook, Refusal>>('webhooks', async (sql) => {
    if ((await listWebhooks(sql, tenant)).length >= WEBHOOK_BOUNDS.ofTenantMax) {
      const detail = `There are ${WEBHOOK_BOUNDS.ofTenantMax}, the most that a tenant may have.`;
      return refuse({ code: 'CONFLICT', detail });
    }
    if (await insertWebhook(sql, row)) return ok({ secret, info: infoOf(row) });
    return refuse({ code: 'CONFLICT', detail: 'There is a webhook of this URL already.' });
  });
}

function invalid(pointer: string, detail: string): Refusal {
  return {
    code: 'INVALID_VALUE',
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, code: 'INVALID_VALUE', detail }],
  };
}

function noWebhook(id: string): Refusal {
  return { code: 'NOT_FOUND', detail: `There is no webhook "${id.slice(0, 128)}".` };
}

const NO_DELIVERY: Refusal = {
  code: 'NOT_FOUND',
  detail: 'There is no such delivery, or it is kept no longer.',
};

const NOT_ENDED: Refusal = {
  code: 'CONFLICT',
  detail: 'Its execution has not ended yet: there is nothing to deliver.',
};

function infoOf(row: WebhookRow): WebhookInfo {
  return {
    ...{ id: row.id, tenant: row.tenant, url: row.url, description: row.description },
    // What was written is one of the contract's: nothing else is.
    payload: row.payload as Payload,
    created_at: iso(row.createdAt),
    failing_since: isoOrNull(row.failingSince),
    disabled_at: isoOrNull(row.disabledAt),
    disabled_why: row.disabledWhy as WhyDisabled | null,
    old_secret_until: isoOrNull(row.oldSecretUntil),
  };
}

export function deliveryOf(row: DeliveryRow): Delivery {
  return {
    ...{ id: row.id, webhook: row.webhook, execution: row.execution, type: EVENT_TYPE },
    state: row.state as DeliveryState,
    created_at: iso(row.createdAt),
    next_attempt_at: isoOrNull(row.nextAt),
    ended_at: isoOrNull(row.endedAt),
    attempts: JSON.parse(row.attempts) as DeliveryAttempt[],
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : iso(atMs);
}
