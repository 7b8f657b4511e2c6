import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import { loadDriver, storeAddress } from '@gozolite/store/open';
import { openTenancy } from '@gozolite/tenancy/open';
import { UsageError } from '../usage-error.js';
import type { Administrator } from './administrator.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The store of the server on this machine, whether it runs or not. */
export async function openLocalStore(env: Environment): Promise<Administrator> {
  const folder = dataFolder(env);
  const address = storeAddress(env.GOZO_STORE ?? '', folder);
  if (address === undefined) throw new UsageError('GOZO_STORE is no URL of a Postgres');
  await loadDriver(address);
  becomeOwner(folder);
  const secretFile = env.GOZO_KEY_SECRET || join(folder, 'key-secret');
  const tenancy = await openTenancy({ address, secretFile, onLost: () => undefined });
  const { administration } = tenancy;
  return {
    createTenant: async (tenant) => value(await administration.createTenant(tenant)),
    listTenants: administration.listTenants,
    rotateTenant: async (id, { grace_s = 0 } = {}) =>
      value(await administration.rotateTenant(id, grace_s)),
    revokeTenant: async (id) => value(await administration.revokeTenant(id)),
    createKey: async (key) => value(await administration.createKey(key)),
    listKeys: administration.listKeys,
    rotateKey: async (id, { grace_s = 0 } = {}) =>
      value(await administration.rotateKey(id, grace_s)),
    revokeKey: async (id) => value(await administration.revokeKey(id)),
    [Symbol.asyncDispose]: () => tenancy[Symbol.asyncDispose](),
  };
}

/** As `npm start` has it. */
function dataFolder(env: Environment): string {
  if (env.GOZO_DATA) return resolve(env.GOZO_DATA);
  if (env.GOZO_STATE) return resolve(env.GOZO_STATE, 'data');
  if (process.getuid?.() === 0) return '/var/lib/gozolite/data';
  const states = env.XDG_STATE_HOME || `${env.HOME ?? ''}/.local/state`;
  return resolve(states, 'gozolite/data');
}

/**
 * Root writes as the server's user: files of root's would be ones that the server can't use.
 * Before the first start there is no such user, and the folder is made by that start.
 */
function becomeOwner(folder: string): void {
  if (!existsSync(folder)) {
    if (process.getuid?.() === 0) {
      throw new UsageError(`there is no ${folder}: start GozoLite once (npm start), then again`);
    }
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const { uid, gid } = statSync(folder);
  if (process.getuid?.() !== 0 || uid === 0) return;
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

function value<T>(result: Result<T, Refusal>): T {
  if (result.ok) return result.value;
  throw new UsageError(`${result.error.code}: ${result.error.detail}`);
}
