import { join, resolve } from 'node:path';

/** `GOZO_PACKS`, else below `GOZO_STATE`, else where `npm start` has its state. */
export function packsFolder(env: Readonly<Record<string, string | undefined>>): string {
  if (env.GOZO_PACKS) return resolve(env.GOZO_PACKS);
  if (env.GOZO_STATE) return resolve(env.GOZO_STATE, 'packs');
  if (process.getuid?.() === 0) return '/var/lib/gozolite/packs';
  const state = env.XDG_STATE_HOME || join(env.HOME || '/nonexistent', '.local', 'state');
  return join(state, 'gozolite', 'packs');
}
