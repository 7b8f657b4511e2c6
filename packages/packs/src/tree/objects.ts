import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PackFolders } from '../folders.js';
import type { FileEntry } from './manifest.js';

/**
 * Every file, folder and link of every tree has this time, so that equal content is equal whenever
 * it was built, and nothing is older than what it was made from (2000-01-01, UTC).
 */
export const TREE_TIME = new Date('2000-01-01T00:00:00Z');

const CHUNK_BYTES = 1 << 20;

/** SHA-256 (hex) of a file's bytes. Never follows a link. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const length = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (length === 0) return hash.digest('hex');
      hash.update(chunk.subarray(0, length));
      // Large files let the others have their turn: progress is drawn, another pack goes on.
      if (length === CHUNK_BYTES) await nextTurn();
    }
  } finally {
    closeSync(file);
  }
}

type ObjectId = Pick<FileEntry, 'sha256' | 'mode'>;

/** The same content with the same mode is one object. */
export function objectName({ sha256, mode }: ObjectId): string {
  return `${sha256}-${mode}`;
}

export function objectPath(folders: PackFolders, id: ObjectId): string {
  return join(folders.objects, id.sha256.slice(0, 2), objectName(id));
}

/**
 * Makes a file an object unless there is one like it already. The file is moved.
 * @returns whether it is new
 */
export function takeObject(folders: PackFolders, id: ObjectId, file: string): boolean {
  const object = objectPath(folders, id);
  if (lstatSync(object, { throwIfNoEntry: false }) !== undefined) return false;
  mkdirSync(dirname(object), { recursive: true, mode: 0o755 });
  chmodSync(file, Number.parseInt(id.mode, 8));
  utimesSync(file, TREE_TIME, TREE_TIME);
  renameSync(file, object);
  return true;
}

/** Gives an object one more name. A file system has a bound of names a file: then it is copied. */
export function linkObject(folders: PackFolders, id: ObjectId, to: string): void {
  const object = objectPath(folders, id);
  try {
    linkSync(object, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EMLINK')) throw error;
    const copy = `${object}.new`;
    copyFileSync(object, copy);
    chmodSync(copy, Number.parseInt(id.mode, 8));
    utimesSync(copy, TREE_TIME, TREE_TIME);
    renameSync(copy, object);
    linkSync(object, to);
  }
}

/** Removes the objects that no tree has a name for. @returns the bytes that this freed */
export async function dropUnlinked(folders: PackFolders): Promise<number> {
  let freed = 0;
  for (const group of readdirSync(folders.objects)) {
    const folder = join(folders.objects, group);
    let kept = 0;
    for (const name of readdirSync(folder)) {
      const stat = lstatSync(join(folder, name));
      if (stat.nlink > 1) {
        kept += 1;
        continue;
      }
      freed += stat.size;
      rmSync(join(folder, name));
    }
    if (kept === 0) rmdirSync(folder);
    await nextTurn();
  }
  return freed;
}
