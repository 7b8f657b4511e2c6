import { lstatSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';

/** As many as the kernel follows (path_resolution(7)). */
const LINKS_MAX = 40;
/** Links beside /usr that the launcher makes: a tree has its usr merged. */
const MERGED = /^(bin|sbin|lib|lib32|lib64|libx32)$/;

/**
 * Whether a file is in a pack's tree, by the path that a sandbox has for it: links are followed as
 * they are followed there, so that an absolute one leads to the tree's own files.
 */
export function existsInTree(tree: string, path: string): boolean {
  let waiting = segmentsOf(path);
  let at: readonly string[] = [];
  let links = 0;
  while (waiting.length > 0) {
    const [segment = '', ...rest] = waiting;
    waiting = rest;
    if (segment === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const place = at.length === 0 && MERGED.test(segment) ? ['usr', segment] : [...at, segment];
    const link = linkAt(join(tree, ...place));
    if (link === null) return false;
    if (link === undefined) {
      at = place;
      continue;
    }
    links += 1;
    if (links > LINKS_MAX) return false;
    waiting = [...segmentsOf(link), ...waiting];
    if (posix.isAbsolute(link)) at = [];
    else at = place.slice(0, -1);
  }
  return true;
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.');
}

/** What a link leads to; undefined for what is none, null for what is not there. */
function linkAt(path: string): string | undefined | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return null; // Not there, or gone between two looks.
  }
}
