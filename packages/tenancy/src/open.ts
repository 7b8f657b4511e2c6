import { countLivingKeys } from '@gozolite/store/keys';
import { openStore, type StoreAddress } from '@gozolite/store/open';
import type { Database } from '@gozolite/store/sql';
import { type Administration, createAdministration } from './administer.js';
import { type Authenticate, createAuthentication } from './keys/authenticate.js';
import { openKeySecret } from './keys/secret.js';

export interface TenancyOptions {
  readonly address: StoreAddress;
  /** A file with the secret that keys are hashed with; made where there is none. */
  readonly secretFile: string;
  readonly onLost: (error: unknown) => void;
}

/** Tenants and keys over a store. Disposing of it closes the store. */
export interface Tenancy extends AsyncDisposable {
  readonly store: Database;
  readonly authenticate: Authenticate;
  readonly administration: Administration;
  /** Keys that would be let in now. */
  livingKeys(): Promise<number>;
}

/** @throws StoreError */
export async function openTenancy(options: TenancyOptions): Promise<Tenancy> {
  const store = await openStore(options.address);
  try {
    const keyHash = await openKeySecret(options.secretFile, store);
    const deps = { store, keyHash, nowMs: Date.now };
    return {
      store,
      authenticate: createAuthentication({ ...deps, onLost: options.onLost }),
      administration: createAdministration(deps),
      livingKeys: () => countLivingKeys(store, Date.now()),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}
