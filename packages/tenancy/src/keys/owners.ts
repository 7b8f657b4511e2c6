import { findKeyByHash, type KeyOwner } from '@gozolite/store/keys';
import type { Database } from '@gozolite/store/sql';

/** Keys that were looked up, as long as nobody can have changed them. */
export interface Owners {
  byHash(hash: string): Promise<KeyOwner | undefined>;
}

const REMEMBERED_MAX = 10_000;

/**
 * A key that was revoked is refused at once, by whichever process it was revoked: what is kept here
 * counts only while the store says that no row of keys and tenants was written since.
 */
export function createOwners(store: Pick<Database, 'query' | 'versionOf'>): Owners {
  const remembered = new Map<string, KeyOwner>();
  let version: string | undefined;
  return {
    byHash: async (hash) => {
      const now = store.versionOf(['keys', 'tenants']);
      if (now === undefined) return findKeyByHash(store, hash);
      if (now !== version) remembered.clear();
      version = now;
      const known = remembered.get(hash);
      if (known !== undefined) return known;
      const owner = await findKeyByHash(store, hash);
      // Read after its version was asked for: what was written meanwhile changes that.
      if (owner !== undefined && version === now) {
        if (remembered.size >= REMEMBERED_MAX) remembered.clear();
        remembered.set(hash, owner);
      }
      return owner;
    },
  };
}
