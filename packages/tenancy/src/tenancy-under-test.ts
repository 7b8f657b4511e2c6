import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@gozolite/store/open';
import { createAdministration } from './administer.js';
import { createAuthentication } from './keys/authenticate.js';
import { openKeySecret } from './keys/secret.js';

/** Tenants and keys over a real store in a folder of its own, and a clock that is moved by hand. */
export async function tenancyForTests() {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-tenancy-'));
  const store = await openStore({ kind: 'sqlite', file: join(folder, 'store.db') });
  const keyHash = await openKeySecret(join(folder, 'key-secret'), store);
  let now = Date.parse('2026-01-01T00:00:00Z');
  const deps = { store, keyHash, nowMs: () => now };
  const lost: unknown[] = [];
  return {
    ...{ folder, store, keyHash, lost },
    pass: (ms: number) => {
      now += ms;
    },
    administration: createAdministration(deps),
    authenticate: createAuthentication({ ...deps, onLost: (error) => lost.push(error) }),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
