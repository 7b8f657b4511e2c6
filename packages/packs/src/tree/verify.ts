import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { PackFolders } from '../folders.js';
import { digestOf, type Entry, parseManifest } from './manifest.js';
import { hashOf } from './objects.js';
import { manifestPath, type OnShare } from './place.js';

/** One thing in a tree that is not as its manifest says. */
export interface Difference {
  readonly path: string;
  readonly what: string;
}

/** Reads every file of a tree again. Empty where all is as it was built. */
export async function verifyTree(
  folders: PackFolders,
  digest: string,
  onShare: OnShare,
): Promise<readonly Difference[]> {
  const manifest = readManifest(folders, digest);
  if (typeof manifest === 'string') return [{ path: '', what: manifest }];
  const tree = join(folders.trees, digest);
  if (lstatSync(tree, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return [{ path: '', what: 'the tree is missing' }];
  }
  const found: Difference[] = [];
  const known = new Map(manifest.map((entry) => [entry.path, entry]));
  for (const [index, entry] of manifest.entries()) {
    const what = await faultOf(join(tree, entry.path), entry);
    if (what !== undefined) found.push({ path: entry.path, what });
    onShare(index / manifest.length);
  }
  for (const path of readdirSync(tree, { recursive: true, encoding: 'utf8' })) {
    if (!known.has(path)) found.push({ path, what: 'is not of this pack' });
  }
  return found;
}

/** The entries of an installed tree, or what is wrong with its manifest. */
export function readManifest(folders: PackFolders, digest: string): readonly Entry[] | string {
  const path = manifestPath(folders, digest);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return 'the manifest is missing';
  const text = readFileSync(path, 'utf8');
  if (digestOf(text) !== digest) return 'the manifest was changed';
  const manifest = parseManifest(text);
  return manifest.ok ? manifest.value : manifest.error;
}

async function faultOf(place: string, entry: Entry): Promise<string | undefined> {
  const stat = lstatSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return 'is missing';
  if (entry.type === 'link') {
    if (!stat.isSymbolicLink()) return 'is no link';
    const target = readlinkSync(place);
    return target === entry.target ? undefined : `leads to ${target}, not to ${entry.target}`;
  }
  const isRight = entry.type === 'folder' ? stat.isDirectory() : stat.isFile();
  if (!isRight) return `is no ${entry.type}`;
  const mode = (stat.mode & 0o7777).toString(8);
  if (mode !== entry.mode) return `has mode ${mode}, not ${entry.mode}`;
  if (entry.type === 'folder') return undefined;
  if (stat.size !== entry.size) return `has ${stat.size} bytes, not ${entry.size}`;
  return (await hashOf(place)) === entry.sha256 ? undefined : 'has other content';
}
