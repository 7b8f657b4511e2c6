import { isBusy } from './busy.js';

/**
 * Takes a lock that the kernel gives back when the process ends, however it does: SQLite's, by
 * fcntl(2), of a file that is there for this alone. Undefined where somebody has it.
 */
export async function tryLock(file: string): Promise<Disposable | undefined> {
  const { default: Native } = await import('libsql');
  const lock = new Native(file);
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return { [Symbol.dispose]: () => void lock.close() };
  } catch (error) {
    lock.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}
