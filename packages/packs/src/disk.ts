import { statfsSync } from 'node:fs';
import { PackError } from './pack-error.js';

/** Room that a build leaves free, for what can't be foreseen. */
const SPARE_BYTES = 64 << 20;
/** With less than this nothing can be finished any more. */
const LEAST_BYTES = 4 << 20;
const LOOK_MS = 500;

/** Refuses what the disk has no room for, before it is begun. */
export function requireSpace(folder: string, neededBytes: number): void {
  const free = freeOf(folder);
  if (free >= neededBytes + SPARE_BYTES) return;
  throw new PackError(
    `the disk of ${folder} is full: ${megabytes(neededBytes + SPARE_BYTES)} are needed, ` +
      `${megabytes(free)} are free`,
  );
}

/**
 * Ends the work on a disk that fills up: apt waits for ever then, and other tools say it in words
 * of their own.
 */
export function watchDisk(folder: string): Disposable & { readonly signal: AbortSignal } {
  const full = new AbortController();
  const timer = setInterval(() => {
    if (freeOf(folder) >= LEAST_BYTES) return;
    full.abort(new PackError(`the disk of ${folder} is full; what was downloaded is kept`));
  }, LOOK_MS);
  timer.unref();
  return { signal: full.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

function freeOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
