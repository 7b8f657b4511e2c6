import { countLivingKeys } from '@gozolite/store/keys';
import { openStore, type StoreAddress } from '@gozolite/store/open';
import type { Database } from '@gozolite/store/sql';
import { type Administration, createAdministration } from './administer.js';
import { type Authenticate, createAuthentication } from './keys/authenticate.js';
import { openKeySecret } from './keys/secret.js';
import type { TokensDeps } from './oidc/tokens.js';

export interface TenancyOptions {
  readonly address: StoreAddress;
  /** A file with the secret that keys are hashed with; made where there is none. */
  readonly secretFile: string;
  readonly onLost: (error: unknown) => void;
  /** Whose tokens are let in beside keys; absent: nobody's. */
  readonly oidc?: Oidc | undefined;
}

export type Oidc = Pick<TokensDeps, 'issuers' | 'onIssuer' | 'onTenant'>;

/** Tenants and keys over a store. Disposing of it closes the store. */
export interface Tenancy extends AsyncDisposable {
  readonly store: Database;
  readonly authenticate: Authenticate;
  readonly administration: Administration;
  /** Keys that would be let in now. */
  livingKeys(): Promise<number>;
}

/** @throws StoreError, OidcError */
export async function openTenancy(options: TenancyOptions): Promise<Tenancy> {
  const store = await openStore(options.address);
  try {
    const keyHash = await openKeySecret(options.secretFile, store);
    const deps = { store, keyHash, nowMs: Date.now };
    const tokens = await tokensOf(store, options.oidc);
    return {
      store,
      authenticate: createAuthentication({ ...deps, tokens, onLost: options.onLost }),
      administration: createAdministration(deps),
      livingKeys: () => countLivingKeys(store, Date.now()),
      [Symbol.asyncDispose]: async () => {
        tokens?.[Symbol.dispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** Loads what checks signatures only where there is something to check. */
async function tokensOf(store: Database, oidc: Oidc | undefined) {
  if (oidc === undefined) return undefined;
  const { openTokens } = await import('./oidc/tokens.js');
  return openTokens({ ...oidc, store, nowMs: Date.now });
}
