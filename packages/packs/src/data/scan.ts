import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PackError } from '../pack-error.js';
import { leadsOut } from '../tree/manifest.js';
import type { Found } from '../tree/scan.js';

const DEPTH_MAX = 64;

/**
 * Walks the folder `data` of a draft, folders before what is in them. Links are never followed;
 * one that leads out of the set would lead nowhere in a sandbox, and is refused like all that is
 * no file, folder or link.
 */
export function scanData(draft: string): readonly Found[] {
  const found: Found[] = [];
  const visit = (path: string, depth: number): void => {
    if (depth > DEPTH_MAX) throw new PackError(`${path} is more than ${DEPTH_MAX} folders deep`);
    const place = join(draft, path);
    const stat = lstatSync(place);
    if (stat.isDirectory()) {
      found.push({ path, type: 'folder' });
      for (const name of namesIn(place)) visit(`${path}/${name}`, depth + 1);
    } else if (stat.isSymbolicLink()) {
      const target = readlinkSync(place);
      if (leadsOut({ path, target })) {
        throw new PackError(`the link ${path.slice('data/'.length)} leads out of it, to ${target}`);
      }
      found.push({ path, type: 'link', target });
    } else if (stat.isFile()) {
      found.push({ path, type: 'file', mode: '444', place, size: stat.size });
    } else {
      throw new PackError(`${path.slice('data/'.length)} is neither file, folder nor link`);
    }
  };
  visit('data', 0);
  if (!found.some(({ type }) => type === 'file')) throw new PackError('it has no file');
  return found;
}

function namesIn(folder: string): readonly string[] {
  const names = readdirSync(folder);
  const strange = names.find((name) => name.includes('\ufffd'));
  if (strange !== undefined) throw new PackError(`${folder}/${strange} is no name in UTF-8`);
  return names;
}
