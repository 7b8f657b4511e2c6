import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Call } from '../../http/route.js';

export const WEBHOOK_ID = 'A webhook, by its id: whk_ and a UUID.';
export const TENANT = 'Of this tenant: with the scope admin.';

/**
 * Who has records sent could as well ask for them: a key that may not read them may not have them
 * read to others either. @returns the tenant
 */
export function changerOf({ caller }: Call): Result<string, Refusal> {
  if (caller.scopes.includes('read')) return ok(caller.tenant);
  const detail = 'This needs a key with the scopes execute and read: a webhook is sent records.';
  return refuse({ code: 'FORBIDDEN', detail });
}

/** The caller's tenant, or the one that who administers asks for. */
export function tenantOf({ caller, query }: Call): Result<string, Refusal> {
  const tenant = query.tenant ?? caller.tenant;
  if (tenant === caller.tenant || caller.scopes.includes('admin')) return ok(tenant);
  const detail = "Another tenant's webhooks need a key with the scope admin.";
  return refuse({ code: 'FORBIDDEN', detail });
}

export const FORBIDDEN = 'FORBIDDEN: it needs the scope read too.';

/** What a path's id may be: other text the store could not even be asked for. */
export function idOf({ params }: Call): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(params.id ?? '') ? (params.id ?? '') : '';
}
