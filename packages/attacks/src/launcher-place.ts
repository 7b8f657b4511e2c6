import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Backend, BackendUnavailable } from '@gozolite/sandbox/backend';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import type { Place } from './attempt.js';
import { cgroupRoots, leftOnHost } from './left-on-host.js';

/** A launcher as a place for attacks; disposing of it ends what still runs there. */
export interface LauncherPlace extends Place, AsyncDisposable {
  /** Why it does not answer now; undefined where it does. */
  answers(): Promise<BackendUnavailable | undefined>;
}

/**
 * @param env what the attacks are told of this host
 * @param isShared others run programs on this launcher meanwhile
 */
export function launcherPlace(
  socketPath: string,
  env: Place['env'],
  isShared: boolean,
): LauncherPlace {
  const backend = createNativeBackend({ socketPath });
  const folders = launcherFolders(socketPath);
  return {
    backend,
    env,
    answers: () => whyNot(backend),
    left: (mark) => leftOnHost(folders, mark, isShared),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

async function whyNot(backend: Backend): Promise<BackendUnavailable | undefined> {
  try {
    await backend.diagnose();
    return undefined;
  } catch (error) {
    if (error instanceof BackendUnavailable) return error;
    throw error;
  }
}

/** The launcher's own folder in each hierarchy, wherever it may lie (cgroup/hosts.rs). */
function launcherFolders(socketPath: string): readonly string[] {
  const name = instanceName(socketPath);
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  return cgroupRoots().flatMap((root) => [join(root, name), join(root, own, name)]);
}

/** FNV-1a of the socket's path, as the launcher names its folders (main.rs). */
export function instanceName(socketPath: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(socketPath)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `gozolite-${hash.toString(16).padStart(8, '0')}`;
}
