import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readDataSets } from './data/sets.js';
import type { PackFolders } from './folders.js';
import { readInstalled } from './installed.js';
import { dropUnlinked } from './tree/objects.js';
import { manifestPath, removeTree } from './tree/place.js';

/** A tree that is no pack's any more, while programs still run on it. */
const GONE = '.gone-';

export interface Swept {
  readonly freedBytes: number;
  /** Trees that programs still run on: the next sweep looks again. */
  readonly inUse: number;
}

/**
 * Takes away what no installed pack needs: trees, manifests, objects, and the leavings of a call
 * that was killed. To be called under the lock only.
 */
export async function sweep(folders: PackFolders): Promise<Swept> {
  const kept = [...readInstalled(folders), ...readDataSets(folders)];
  const needed = new Set(kept.map(({ digest }) => digest));
  for (const name of readdirSync(folders.trees)) {
    const tree = join(folders.trees, name);
    if (name.startsWith('.new-')) removeTree(tree);
    else if (!name.startsWith(GONE) && !needed.has(name)) {
      // A rename leaves the mounts of running programs as they are; a removal would empty them.
      renameSync(tree, join(folders.trees, `${GONE}${name}`));
      rmSync(manifestPath(folders, name), { force: true });
    }
  }
  const mounted = mountedRoots();
  let inUse = 0;
  for (const name of readdirSync(folders.trees).filter((each) => each.startsWith(GONE))) {
    const isMounted = mounted.some((root) => root.includes(`/${name}`));
    if (isMounted) inUse += 1;
    else removeTree(join(folders.trees, name));
  }
  for (const folder of [folders.installed, folders.data, folders.manifests]) {
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.new'))) {
      rmSync(join(folder, name));
    }
  }
  return { freedBytes: await dropUnlinked(folders), inUse };
}

/** What part of its file system each mount of each process shows (proc(5), mountinfo, field 4). */
function mountedRoots(): readonly string[] {
  const roots = new Set<string>();
  const seen = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const text = mountsOf(pid);
    if (seen.has(text)) continue;
    seen.add(text);
    for (const line of text.split('\n')) roots.add(line.split(' ')[3] ?? '');
  }
  return [...roots];
}

/** A process may end at any moment, and an ordinary user may not look at those of others. */
function mountsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  } catch {
    return '';
  }
}
