import type {
  CreatedKey,
  CreatedKeys,
  KeyInfo,
  KeyList,
  NewKey,
  Rotation,
} from '@gozolite/contract/tenancy/key';
import type {
  ErasedTenant,
  NewTenant,
  TenantInfo,
  TenantList,
} from '@gozolite/contract/tenancy/tenant';
import type { CallOptions, ServiceCall, SubmitOptions } from './options.js';

/** Tenants and keys, for a client whose key has the scope `admin`. Rejects as `Gozo` does. */
export class Admin {
  readonly #call: ServiceCall;

  constructor(call: ServiceCall) {
    this.#call = call;
  }

  createTenant(tenant: NewTenant, options?: SubmitOptions): Promise<TenantInfo> {
    return this.#call('POST', '/admin/tenants', tenant, options);
  }

  async listTenants(options?: CallOptions): Promise<readonly TenantInfo[]> {
    const list = await this.#call<TenantList>('GET', '/admin/tenants', undefined, options);
    return list.tenants;
  }

  /** From then on none of its keys is let in. There is no way back. */
  revokeTenant(id: string, options?: SubmitOptions): Promise<TenantInfo> {
    return this.#call('POST', `${tenantPath(id)}/revoke`, undefined, options);
  }

  /** Deletes all that is kept of a revoked tenant, but its id. There is no way back. */
  eraseTenant(id: string, options?: SubmitOptions): Promise<ErasedTenant> {
    return this.#call('POST', `${tenantPath(id)}/erase`, undefined, options);
  }

  /** A new key for each one of the tenant that is let in. */
  async rotateTenant(
    id: string,
    rotation: Rotation = {},
    options?: SubmitOptions,
  ): Promise<readonly CreatedKey[]> {
    const path = `${tenantPath(id)}/rotate`;
    return (await this.#call<CreatedKeys>('POST', path, rotation, options)).keys;
  }

  /** The key is in this answer and in no other. */
  createKey(key: NewKey, options?: SubmitOptions): Promise<CreatedKey> {
    return this.#call('POST', '/admin/keys', key, options);
  }

  async listKeys(tenant?: string, options?: CallOptions): Promise<readonly KeyInfo[]> {
    const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
    return (await this.#call<KeyList>('GET', `/admin/keys${query}`, undefined, options)).keys;
  }

  revokeKey(id: string, options?: SubmitOptions): Promise<KeyInfo> {
    return this.#call('POST', `${keyPath(id)}/revoke`, undefined, options);
  }

  /** A key of the same kind; the old one ends after `grace_s`, by default at once. */
  rotateKey(id: string, rotation: Rotation = {}, options?: SubmitOptions): Promise<CreatedKey> {
    return this.#call('POST', `${keyPath(id)}/rotate`, rotation, options);
  }
}

function tenantPath(id: string): string {
  return `/admin/tenants/${encodeURIComponent(id)}`;
}

function keyPath(id: string): string {
  return `/admin/keys/${encodeURIComponent(id)}`;
}
