import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PackError } from '../pack-error.js';
import { resolveInside } from './inside.js';
import { isLeftOut } from './left-out.js';

/** What a build root gives to a tree. Files are still to be hashed. */
export type Found =
  | { readonly path: string; readonly type: 'folder' }
  | { readonly path: string; readonly type: 'link'; readonly target: string }
  | {
      readonly path: string;
      readonly type: 'file';
      readonly mode: '444' | '555';
      /** Where it lies in the build root. */
      readonly place: string;
      readonly size: number;
    };

/** Readable by others. What is not (shadow, private keys) has no place in a tree. */
const OTHERS_READ = 0o004;
const ANY_EXECUTES = 0o111;

/**
 * Walks `usr` and `etc` of a build root, folders before what is in them. Devices, sockets and
 * pipes are left out; owner and mode shrink to "may be executed or not". A link out of both into
 * the root's other folders (GHC's package list lies in /var) is replaced by what it leads to.
 * @param kept files of the documentation that are not left out
 */
export function scanRoot(root: string, kept: readonly string[] = []): readonly Found[] {
  const found: Found[] = [];
  const visit = (place: string, path: string, depth: number): void => {
    if (depth > DEPTH_MAX) throw new PackError(`${path} is more than ${DEPTH_MAX} folders deep`);
    const stat = lstatSync(join(root, place));
    if (isLeftOut(path, stat.isDirectory()) && !kept.includes(`/${path}`)) return;
    if (stat.isSymbolicLink()) {
      const elsewhere = outsideOf(root, place);
      if (elsewhere !== undefined) visit(elsewhere, path, depth + 1);
      else found.push({ path, type: 'link', target: readlinkSync(join(root, place)) });
    } else if (stat.isDirectory()) {
      found.push({ path, type: 'folder' });
      for (const name of namesIn(join(root, place))) {
        visit(`${place}/${name}`, `${path}/${name}`, depth + 1);
      }
    } else if (stat.isFile() && (stat.mode & OTHERS_READ) !== 0) {
      const mode = (stat.mode & ANY_EXECUTES) === 0 ? '444' : '555';
      found.push({ path, type: 'file', mode, place: join(root, place), size: stat.size });
    }
  };
  for (const top of ['etc', 'usr']) visit(top, top, 0);
  return found;
}

const DEPTH_MAX = 64;

/** Where a link leads, if that exists and is in no folder that a tree has. */
function outsideOf(root: string, place: string): string | undefined {
  const real = resolveInside(root, place);
  if (real === undefined || real === '') return undefined;
  const [top = ''] = real.split('/');
  return ['usr', 'etc', 'proc', 'dev', 'run', 'tmp'].includes(top) ? undefined : real;
}

function namesIn(folder: string): readonly string[] {
  const names = readdirSync(folder);
  const strange = names.find((name) => name.includes('\ufffd'));
  if (strange !== undefined) throw new PackError(`${folder}/${strange} is no name in UTF-8`);
  return names;
}
