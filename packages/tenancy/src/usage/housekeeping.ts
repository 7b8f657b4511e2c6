import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Database } from '@gozolite/store/sql';
import { forgetUsage, giveBack } from '@gozolite/store/usage';
import { windowsAt } from './spans.js';

const HOUR_MS = 3_600_000;
/** Longer than any execution with its wait: what is held longer is of a server that is gone. */
const HELD_MS_MAX = HOUR_MS;
const KEPT_MS = 400 * 24 * HOUR_MS;

/**
 * Gives back what a killed server held, this one at once and others after an hour, and forgets
 * windows of more than a year ago; now and then every hour.
 */
export async function keepUsage(
  store: Database,
  server: string,
  onLost: (error: unknown) => void,
): Promise<Disposable> {
  const keep = async (own: string): Promise<void> => {
    const now = Date.now();
    await giveBack(store, own, now - HELD_MS_MAX, windowsAt);
    await forgetUsage(store, now - KEPT_MS);
  };
  await keep(server);
  const timer = setInterval(() => void keep('').catch(onLost), HOUR_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The name of this server, made once and kept in a file of its own. */
export function serverName(file: string): string {
  try {
    writeFileSync(file, `srv_${randomUUID()}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
