import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../../sqlite/lock.js';
import { AuditError } from '../audit-error.js';

/** A folder for one log, that nobody else writes while this is held. */
export interface Held extends Disposable {
  readonly folder: string;
}

/** More servers than that on one folder of data are a mistake. */
const LOGS_MAX = 8;

/**
 * Takes the first log that no other process writes: `audit`, else `audit-2` and so on. Two writers
 * of one log would each sign what the other denies.
 * @throws AuditError
 */
export async function holdLog(dataFolder: string): Promise<Held> {
  for (let number = 1; number <= LOGS_MAX; number += 1) {
    const folder = join(dataFolder, number === 1 ? 'audit' : `audit-${number}`);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const lock = await tryLock(join(folder, 'lock'));
      if (lock !== undefined) return { folder, [Symbol.dispose]: () => lock[Symbol.dispose]() };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new AuditError(`${folder} can't be used for an audit log: ${reason}`, { cause: error });
    }
  }
  throw new AuditError(`${LOGS_MAX} servers write audit logs in ${dataFolder} already`);
}
