import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type InstalledDataSet,
  isDataName,
  isInstalledDataSet,
} from '@gozolite/contract/data/data-set';

/** A file of a few hundred bytes; more is none of ours. */
const BYTES_MAX = 64 * 1024;
const SETS_MAX = 4096;

/** The data sets of this server: what is in place, and what its policy grants. */
export interface DataSets {
  readonly grants: (name: string) => boolean;
  /** The names that requests may ask for; of a policy that grants all, those in place. */
  readonly granted: () => readonly string[];
  /** As it is in place now; undefined where it is not. */
  readonly find: (name: string) => InstalledDataSet | undefined;
}

/** What stands for every set in a policy. */
export const ALL_DATA = '*';

/**
 * Looks anew at each question, and at one small file for each name: sets come and go without the
 * server hearing of it.
 * @param folder of packs
 * @param allow names, or `*`
 */
export function openDataSets(folder: string, allow: readonly string[]): DataSets {
  const grantsAll = allow.includes(ALL_DATA);
  return {
    grants: (name) => isDataName(name) && (grantsAll || allow.includes(name)),
    granted: () => (grantsAll ? namesIn(join(folder, 'data')) : allow),
    find: (name) => (isDataName(name) ? read(folder, name) : undefined),
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    const names = files.map((name) => name.slice(0, -'.json'.length)).filter(isDataName);
    return names.sort().slice(0, SETS_MAX);
  } catch {
    return []; // No set was ever put in place, or they are not ours to read.
  }
}

function read(folder: string, name: string): InstalledDataSet | undefined {
  try {
    const file = join(folder, 'data', `${name}.json`);
    if (statSync(file).size > BYTES_MAX) return undefined;
    const set: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isInstalledDataSet(set) || set.name !== name) return undefined;
    const tree = statSync(join(folder, 'trees', set.digest, 'data'), { throwIfNoEntry: false });
    return tree?.isDirectory() === true ? set : undefined;
  } catch {
    return undefined; // Not there, or half of it: a set that is none.
  }
}
