import { randomUUID } from 'node:crypto';
import type { ProblemCode, Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { CreatedKey, KeyInfo, NewKey } from '@gozolite/contract/tenancy/key';
import { DEFAULT_SCOPES, isScope } from '@gozolite/contract/tenancy/scope';
import {
  type ErasedTenant,
  type NewTenant,
  TENANT_BOUNDS,
  type TenantInfo,
  tenantIdFault,
} from '@gozolite/contract/tenancy/tenant';
import {
  expireKey,
  findKey,
  insertKey,
  type KeyRow,
  listKeys,
  revokeKey,
} from '@gozolite/store/keys';
import { eraseTenant, forgetEnded } from '@gozolite/store/retention';
import type { Database, Sql } from '@gozolite/store/sql';
import {
  findTenant,
  insertTenant,
  listTenants,
  revokeTenant,
  type TenantRow,
} from '@gozolite/store/tenants';
import { hintOf, makeKey } from './keys/format.js';
import type { KeyHash } from './keys/secret.js';

export interface AdministrationDeps {
  readonly store: Database;
  readonly keyHash: KeyHash;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Changes of keys come one after the other: two rotations of one key make one new one. */
const KEYS = 'keys';

type Answer<T> = Promise<Result<T, Refusal>>;

/** Tenants and their keys, as the API and the CLI change them. */
export interface Administration {
  createTenant(wanted: NewTenant): Answer<TenantInfo>;
  listTenants(): Promise<readonly TenantInfo[]>;
  /** From then on none of its keys is let in. There is no way back. */
  revokeTenant(id: string): Answer<TenantInfo>;
  /** Of one that is revoked: all that is kept of it, but its id. There is no way back. */
  eraseTenant(id: string): Answer<ErasedTenant>;
  /** A new key for each living one of the tenant's. */
  rotateTenant(id: string, graceS: number): Answer<readonly CreatedKey[]>;
  createKey(wanted: NewKey): Answer<CreatedKey>;
  listKeys(tenant: string | undefined): Promise<readonly KeyInfo[]>;
  revokeKey(id: string): Answer<KeyInfo>;
  /** A new key of the same tenant, name and scopes; the old one ends after the grace. */
  rotateKey(id: string, graceS: number): Answer<CreatedKey>;
}

export function createAdministration(deps: AdministrationDeps): Administration {
  const { store, nowMs } = deps;
  return {
    createTenant: async ({ id, name = id }) => {
      const fault = tenantIdFault(id);
      if (fault !== undefined) return refuse(refusal('INVALID_VALUE', fault));
      const tenant = { id, name, createdAt: nowMs(), revokedAt: null };
      if (await insertTenant(store, tenant)) return ok(tenantInfo(tenant));
      return refuse(refusal('CONFLICT', `There is a tenant "${id}" already, or there was one.`));
    },
    listTenants: async () => (await listTenants(store)).map(tenantInfo),
    revokeTenant: async (id) => {
      const tenant = await revokeTenant(store, id, nowMs());
      return tenant === undefined ? refuse(noTenant(id)) : ok(tenantInfo(tenant));
    },
    eraseTenant: async (id) => {
      const tenant = await findTenant(store, id);
      if (tenant === undefined) return refuse(noTenant(id));
      if (tenant.revokedAt === null) {
        const detail = `The tenant "${id}" is in use: revoke it before its data is deleted.`;
        return refuse(refusal('CONFLICT', detail));
      }
      // Many are deleted some at a time: others' requests go on meanwhile.
      const first = await forgetEnded(store, id, nowMs());
      const erased = await store.transaction((sql) => eraseTenant(sql, id));
      return ok({ id, ...erased, executions: first + erased.executions });
    },
    rotateTenant: (id, graceS) =>
      store.exclusively(KEYS, async (sql) => {
        if ((await findTenant(sql, id)) === undefined) return refuse(noTenant(id));
        const living = (await listKeys(sql, id)).filter((key) => endOf(key) > nowMs());
        const created: CreatedKey[] = [];
        for (const key of living) created.push(await replace(deps, sql, { key, graceS }));
        return ok(created);
      }),
    createKey: (wanted) => createKey(deps, wanted),
    listKeys: async (tenant) => (await listKeys(store, tenant)).map(keyInfo),
    revokeKey: async (id) => {
      const key = await revokeKey(store, id, nowMs());
      return key === undefined ? refuse(noKey(id)) : ok(keyInfo(key));
    },
    rotateKey: (id, graceS) =>
      store.exclusively(KEYS, async (sql) => {
        const key = await findKey(sql, id);
        if (key === undefined) return refuse(noKey(id));
        if (endOf(key) <= nowMs()) {
          return refuse(refusal('CONFLICT', `The key ${id} has ended: create another.`));
        }
        return ok(await replace(deps, sql, { key, graceS }));
      }),
  };
}

async function createKey(deps: AdministrationDeps, wanted: NewKey): Answer<CreatedKey> {
  const { tenant, name = '', scopes = DEFAULT_SCOPES } = wanted;
  const now = deps.nowMs();
  const expiresAt = wanted.expires_at === undefined ? null : Date.parse(wanted.expires_at);
  if (expiresAt !== null && !(expiresAt > now)) {
    const detail = 'It is a time to come, as 2027-01-31T00:00:00Z.';
    return refuse(refusal('INVALID_VALUE', detail, '/expires_at'));
  }
  return deps.store.exclusively(KEYS, async (sql) => {
    const owner = await findTenant(sql, tenant);
    if (owner === undefined) return refuse(noTenant(tenant));
    if (owner.revokedAt !== null) {
      return refuse(refusal('CONFLICT', `The tenant "${tenant}" was revoked.`));
    }
    const living = (await listKeys(sql, tenant)).filter((key) => endOf(key) > now);
    if (living.length >= TENANT_BOUNDS.keysMax) {
      const detail = `The tenant "${tenant}" has ${living.length} keys, the most that it may have.`;
      return refuse(refusal('CONFLICT', detail));
    }
    const unique = [...new Set(scopes)];
    return ok(await insertNew(deps, sql, { tenant, name, scopes: unique.join(' '), expiresAt }));
  });
}

type Wanted = Pick<KeyRow, 'tenant' | 'name' | 'scopes' | 'expiresAt'>;

async function insertNew(deps: AdministrationDeps, sql: Sql, wanted: Wanted): Promise<CreatedKey> {
  const secret = makeKey();
  const row: KeyRow = {
    ...wanted,
    id: `key_${randomUUID()}`,
    hash: deps.keyHash(secret),
    hint: hintOf(secret),
    createdAt: deps.nowMs(),
    lastUsedAt: null,
    revokedAt: null,
  };
  await insertKey(sql, row);
  return { key: secret, info: keyInfo(row) };
}

async function replace(
  deps: AdministrationDeps,
  sql: Sql,
  { key, graceS }: { readonly key: KeyRow; readonly graceS: number },
): Promise<CreatedKey> {
  const now = deps.nowMs();
  if (graceS === 0) await revokeKey(sql, key.id, now);
  else await expireKey(sql, key.id, now + graceS * 1000);
  const { tenant, name, scopes, createdAt } = key;
  const expiresAt = key.expiresAt === null ? null : now + (key.expiresAt - createdAt);
  return insertNew(deps, sql, { tenant, name, scopes, expiresAt });
}

function endOf({ revokedAt, expiresAt }: KeyRow): number {
  return revokedAt ?? expiresAt ?? Number.POSITIVE_INFINITY;
}

function refusal(code: ProblemCode, detail: string, pointer?: string): Refusal {
  if (pointer === undefined) return { code, detail };
  return { code, detail, errors: [{ pointer, code, detail }] };
}

function noTenant(id: string): Refusal {
  return refusal('NOT_FOUND', `There is no tenant "${id.slice(0, 128)}".`);
}

function noKey(id: string): Refusal {
  return refusal('NOT_FOUND', `There is no key "${id.slice(0, 128)}".`);
}

function tenantInfo({ id, name, createdAt, revokedAt }: TenantRow): TenantInfo {
  return { id, name, created_at: iso(createdAt), revoked_at: isoOrNull(revokedAt) };
}

function keyInfo(key: KeyRow): KeyInfo {
  return {
    id: key.id,
    tenant: key.tenant,
    name: key.name,
    hint: key.hint,
    scopes: key.scopes.split(' ').filter(isScope),
    created_at: iso(key.createdAt),
    expires_at: isoOrNull(key.expiresAt),
    last_used_at: isoOrNull(key.lastUsedAt),
    revoked_at: isoOrNull(key.revokedAt),
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : iso(atMs);
}
