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

/** One call to the server: method, path, and a body that becomes JSON. */
export type AdminCall = <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>;

/** Tenants and keys, for a client whose key has the scope `admin`. Rejects as `Gozo` does. */
export class Admin {
  readonly #call: AdminCall;

  constructor(call: AdminCall) {
    this.#call = call;
  }

  createTenant(tenant: NewTenant): Promise<TenantInfo> {
    return this.#call('POST', '/admin/tenants', tenant);
  }

  async listTenants(): Promise<readonly TenantInfo[]> {
    return (await this.#call<TenantList>('GET', '/admin/tenants')).tenants;
  }

  /** From then on none of its keys is let in. There is no way back. */
  revokeTenant(id: string): Promise<TenantInfo> {
    return this.#call('POST', `/admin/tenants/${encodeURIComponent(id)}/revoke`);
  }

  /** Deletes all that is kept of a revoked tenant, but its id. There is no way back. */
  eraseTenant(id: string): Promise<ErasedTenant> {
    return this.#call('POST', `/admin/tenants/${encodeURIComponent(id)}/erase`);
  }

  /** A new key for each one of the tenant that is let in. */
  async rotateTenant(id: string, rotation: Rotation = {}): Promise<readonly CreatedKey[]> {
    const path = `/admin/tenants/${encodeURIComponent(id)}/rotate`;
    return (await this.#call<CreatedKeys>('POST', path, rotation)).keys;
  }

  /** The key is in this answer and in no other. */
  createKey(key: NewKey): Promise<CreatedKey> {
    return this.#call('POST', '/admin/keys', key);
  }

  async listKeys(tenant?: string): Promise<readonly KeyInfo[]> {
    const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
    return (await this.#call<KeyList>('GET', `/admin/keys${query}`)).keys;
  }

  revokeKey(id: string): Promise<KeyInfo> {
    return this.#call('POST', `/admin/keys/${encodeURIComponent(id)}/revoke`);
  }

  /** A key of the same kind; the old one ends after `grace_s`, by default at once. */
  rotateKey(id: string, rotation: Rotation = {}): Promise<CreatedKey> {
    return this.#call('POST', `/admin/keys/${encodeURIComponent(id)}/rotate`, rotation);
  }
}
