import {
  chmodSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PackFolders } from '../folders.js';
import { digestOf, type Entry, manifestText } from './manifest.js';
import { hashOf, linkObject, TREE_TIME, takeObject } from './objects.js';
import type { Found } from './scan.js';

/** Files between two turns of the event loop. */
const BATCH = 64;

export interface PlacedTree {
  readonly digest: string;
  readonly files: number;
  /** Of all its files. */
  readonly bytes: number;
  /** Of these, bytes that no other pack had. */
  readonly newBytes: number;
}

/** Called with what is done, between 0 and 1; throws to end the work. */
export type OnShare = (share: number) => void;

/** Hashes what a build root has and moves it to the objects. The root is used up by this. */
export async function takeFiles(
  folders: PackFolders,
  found: readonly Found[],
  onShare: OnShare,
): Promise<{ readonly entries: readonly Entry[]; readonly newBytes: number }> {
  const entries: Entry[] = [];
  let newBytes = 0;
  for (const [index, each] of found.entries()) {
    if (each.type === 'file') {
      const { path, type, mode, size, place } = each;
      const sha256 = await hashOf(place);
      if (takeObject(folders, { sha256, mode }, place)) newBytes += size;
      entries.push({ path, type, mode, size, sha256 });
    } else if (each.type === 'folder') entries.push({ ...each, mode: '555' });
    else entries.push(each);
    if (index % BATCH === 0) {
      onShare(index / found.length);
      await nextTurn();
    }
  }
  return { entries, newBytes };
}

/**
 * Lays a tree down out of objects, each of which is there, and gives it its name, last. A tree of
 * the same digest stays as it is.
 */
export async function placeTree(
  folders: PackFolders,
  entries: readonly Entry[],
  onShare: OnShare,
): Promise<Omit<PlacedTree, 'newBytes'>> {
  const text = manifestText(entries);
  const digest = digestOf(text);
  const files = entries.flatMap((entry) => (entry.type === 'file' ? [entry] : []));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const tree = join(folders.trees, digest);
  if (!existsSync(tree)) {
    const draft = mkdtempSync(join(folders.trees, '.new-'));
    await layDown(folders, entries, draft, onShare);
    writeManifest(folders, digest, text);
    renameSync(draft, tree);
  } else writeManifest(folders, digest, text);
  return { digest, files: files.length, bytes };
}

async function layDown(
  folders: PackFolders,
  entries: readonly Entry[],
  draft: string,
  onShare: OnShare,
): Promise<void> {
  const sorted = [...entries].sort((left, right) => (left.path < right.path ? -1 : 1));
  for (const [index, entry] of sorted.entries()) {
    const place = join(draft, entry.path);
    if (entry.type === 'folder') mkdirSync(place, { mode: 0o755 });
    else if (entry.type === 'file') linkObject(folders, entry, place);
    else {
      symlinkSync(entry.target, place);
      lutimesSync(place, TREE_TIME, TREE_TIME);
    }
    if (index % BATCH === 0) {
      onShare(index / entries.length);
      await nextTurn();
    }
  }
  // From below, since a folder's time changes with what is made in it.
  const made = sorted.filter(({ type }) => type === 'folder').map(({ path }) => join(draft, path));
  for (const folder of [...made.reverse(), draft]) {
    chmodSync(folder, 0o555);
    utimesSync(folder, TREE_TIME, TREE_TIME);
  }
}

export function manifestPath(folders: PackFolders, digest: string): string {
  return join(folders.manifests, `${digest}.json`);
}

function writeManifest(folders: PackFolders, digest: string, text: string): void {
  const path = manifestPath(folders, digest);
  writeFileSync(`${path}.new`, text, { mode: 0o644 });
  chmodSync(`${path}.new`, 0o444);
  renameSync(`${path}.new`, path);
}

/** Removes a folder whose folders are read-only, as those of a tree are. */
export function removeTree(folder: string): void {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (process.getuid?.() !== 0) makeWritable(folder);
  rmSync(folder, { recursive: true, force: true });
}

function makeWritable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const each of readdirSync(folder, { withFileTypes: true })) {
    if (each.isDirectory()) makeWritable(join(folder, each.name));
  }
}
