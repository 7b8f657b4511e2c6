import { closeSync, fchmodSync, fstatSync, openSync, writeSync } from 'node:fs';

/**
 * A file beside the database that grows by a byte each time somebody wrote what others remember.
 * To look at its length costs a tenth of a question to the database.
 */
export interface Told extends Disposable {
  tell(): void;
  /** Undefined where it can't be had. */
  length(): number | undefined;
}

export function toldFileOf(database: string): string {
  return `${database}-told`;
}

/** @param file made, for its owner alone, where it is not there yet */
export function openTold(file: string): Told {
  const fd = openSync(file, 'a+', 0o600);
  fchmodSync(fd, 0o600);
  return {
    tell: () => {
      try {
        writeSync(fd, '.');
      } catch {
        // A full disk: who remembers something asks the database itself before long.
      }
    },
    length: () => {
      try {
        return fstatSync(fd).size;
      } catch {
        return undefined;
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
