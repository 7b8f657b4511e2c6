import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** As the kernel has it (MAXSYMLINKS). */
const LINKS_MAX = 40;

/**
 * Where a path of a root really lies, links followed as if that root were `/`: the path from it,
 * without a leading slash, or undefined where there is nothing.
 */
export function resolveInside(root: string, path: string): string | undefined {
  const waiting = path.split('/').reverse();
  const found: string[] = [];
  let links = 0;
  while (waiting.length > 0) {
    const segment = waiting.pop();
    if (segment === undefined || segment === '' || segment === '.') continue;
    if (segment === '..') {
      found.pop();
      continue;
    }
    const place = join(root, ...found, segment);
    const stat = lstatSync(place, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) {
      found.push(segment);
      continue;
    }
    links += 1;
    if (links > LINKS_MAX) return undefined;
    const target = readlinkSync(place);
    if (target.startsWith('/')) found.length = 0;
    waiting.push(...target.split('/').reverse());
  }
  return found.join('/');
}

export function existsInside(root: string, path: string): boolean {
  return resolveInside(root, path) !== undefined;
}
