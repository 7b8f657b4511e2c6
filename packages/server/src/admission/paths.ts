import { REQUEST_BOUNDS } from '@gozolite/contract/execution';

/**
 * Why a path cannot be a file below /work; undefined where it can. It is relative, its segments
 * are names (not empty, `.` or `..`), each at most 255 bytes as the kernel has it, 16 deep.
 */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'A path is not empty.';
  if (path.startsWith('/')) return 'A path is relative to /work.';
  if (path.includes('\0')) return 'A path has no NUL.';
  const segments = path.split('/');
  if (segments.length > REQUEST_BOUNDS.pathDepthMax) {
    return `A path is at most ${REQUEST_BOUNDS.pathDepthMax} segments deep.`;
  }
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') {
      return `A path has no ${segment === '' ? 'empty' : `"${segment}"`} segment.`;
    }
    if (Buffer.byteLength(segment) > REQUEST_BOUNDS.pathSegmentBytesMax) {
      return `A segment is at most ${REQUEST_BOUNDS.pathSegmentBytesMax} bytes long.`;
    }
  }
  return undefined;
}

/**
 * Paths that cannot all be files: the same one twice, or one that another needs as a folder.
 * @returns index of each such path, with why
 */
export function collisions(paths: readonly string[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const files = new Set<string>();
  for (const [index, path] of paths.entries()) {
    if (files.has(path)) found.set(index, 'Another file has this path.');
    files.add(path);
  }
  for (const [index, path] of paths.entries()) {
    for (let cut = path.indexOf('/'); cut !== -1; cut = path.indexOf('/', cut + 1)) {
      const folder = path.slice(0, cut);
      if (files.has(folder)) found.set(index, `"${folder}" is a file, so it cannot be a folder.`);
    }
  }
  return found;
}

/** Why a glob cannot match anything below /work; undefined where it can. */
export function globFault(glob: string): string | undefined {
  if (glob.startsWith('/')) return 'A glob is relative to /work.';
  if (glob.includes('\0')) return 'A glob has no NUL.';
  if (glob.split('/').some((segment) => segment === '..' || segment === '.' || segment === '')) {
    return 'A glob has no empty, "." or ".." segment.';
  }
  return undefined;
}
