import { readFileSync } from 'node:fs';
import { type InstalledDataSet, isInstalledDataSet } from '@gozolite/contract/data/data-set';
import type { PackFolders } from '../folders.js';
import { PackError, UnknownPackError } from '../pack-error.js';
import { recordOf, recordsIn, removeRecord, writeRecord } from '../records.js';

/** Sorted by name. */
export function readDataSets({ data }: PackFolders): readonly InstalledDataSet[] {
  return recordsIn(data).map((path) => {
    const set = parse(readFileSync(path, 'utf8'));
    if (set === undefined || recordOf(data, set.name) !== path) {
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

export function writeDataSet({ data }: PackFolders, set: InstalledDataSet): void {
  writeRecord(data, set);
}

export function removeDataSet({ data }: PackFolders, name: string): void {
  removeRecord(data, name);
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
