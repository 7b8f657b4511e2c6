import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result } from '@gozolite/contract/result';
import { leaveEvent } from '@gozolite/store/audit/log/inbox';
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
  const user = process.getuid?.() ?? -1;
  becomeOwner(folder);
  const secretFile = env.GOZO_KEY_SECRET || join(folder, 'key-secret');
  const tenancy = await openTenancy({ address, secretFile, onLost: () => undefined });
  const { administration: admin } = tenancy;
  const isAudited = env.GOZO_AUDIT !== 'false';
  /** For the server's audit log, which takes it up as soon as it runs. */
  const done = <T>(action: string, target: string, result: Result<T, Refusal>): T => {
    const changed = value(result);
    if (isAudited) leaveEvent(folder, { kind: 'admin', action, target, by: 'gozo', user });
    return changed;
  };
  return {
    createTenant: async (tenant) =>
      done('createTenant', tenant.id, await admin.createTenant(tenant)),
    listTenants: admin.listTenants,
    rotateTenant: async (id, { grace_s = 0 } = {}) =>
      done('rotateTenant', id, await admin.rotateTenant(id, grace_s)),
    revokeTenant: async (id) => done('revokeTenant', id, await admin.revokeTenant(id)),
    eraseTenant: async (id) => done('eraseTenant', id, await admin.eraseTenant(id)),
    createKey: async (key) => {
      const created = value(await admin.createKey(key));
      return done('createKey', created.info.id, ok(created));
    },
    listKeys: admin.listKeys,
    rotateKey: async (id, { grace_s = 0 } = {}) =>
      done('rotateKey', id, await admin.rotateKey(id, grace_s)),
    revokeKey: async (id) => done('revokeKey', id, await admin.revokeKey(id)),
    [Symbol.asyncDispose]: () => tenancy[Symbol.asyncDispose](),
  };
}

/** As `npm start` has it. */
export function dataFolder(env: Environment): string {
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
export function becomeOwner(folder: string): void {
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
