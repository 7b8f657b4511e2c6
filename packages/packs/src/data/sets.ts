import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type InstalledDataSet, isInstalledDataSet } from '@gozolite/contract/data/data-set';
import type { PackFolders } from '../folders.js';
import { PackError, UnknownPackError } from '../pack-error.js';

/** Sorted by name. */
export function readDataSets({ data }: PackFolders): readonly InstalledDataSet[] {
  const files = readdirSync(data).filter((name) => name.endsWith('.json'));
  return files.sort().map((file) => {
    const path = join(data, file);
    const set = parse(readFileSync(path, 'utf8'));
    if (set === undefined || `${set.name}.json` !== file) {
      throw new PackError(`${path} describes no data set`);
    }
    return set;
  });
}

function parse(text: string): InstalledDataSet | undefined {
  try {
    const set: unknown = JSON.parse(text);
    return isInstalledDataSet(set) ? set : undefined;
  } catch {
    return undefined;
  }
}

/** The last act of an installation. */
export function writeDataSet({ data }: PackFolders, set: InstalledDataSet): void {
  const path = join(data, `${set.name}.json`);
  writeFileSync(`${path}.new`, `${JSON.stringify(set, null, 2)}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/** The first act of a removal. */
export function removeDataSet({ data }: PackFolders, name: string): void {
  rmSync(join(data, `${name}.json`));
}

/** Each once; an unknown name ends it before anything is done. */
export function chooseDataSets(
  installed: readonly InstalledDataSet[],
  names: readonly string[],
): readonly InstalledDataSet[] {
  const chosen = names.map((name) => {
    const set = installed.find((each) => each.name === name);
    if (set !== undefined) return set;
    const known = installed.map((each) => each.name).join(', ');
    const there = known === '' ? 'none is' : `installed are ${known}`;
    throw new UnknownPackError(`the data set ${name} is not installed; ${there}`);
  });
  return [...new Set(chosen)];
}
