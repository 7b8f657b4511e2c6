import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type InstalledDataSet,
  isDataName,
  isInstalledDataSet,
} from '@gozolite/contract/data/data-set';
import { readRecord, recordFile, recordNames } from './records.js';

/** A file of a few hundred bytes; more is none of ours. */
const BYTES_MAX = 64 * 1024;

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
    granted: () => (grantsAll ? recordNames(join(folder, 'data')).filter(isDataName) : allow),
    find: (name) => (isDataName(name) ? read(folder, name) : undefined),
  };
}

function read(folder: string, name: string): InstalledDataSet | undefined {
  try {
    const set = readRecord(recordFile(join(folder, 'data'), name), BYTES_MAX);
    if (!isInstalledDataSet(set) || set.name !== name) return undefined;
    const tree = statSync(join(folder, 'trees', set.digest, 'data'), { throwIfNoEntry: false });
    return tree?.isDirectory() === true ? set : undefined;
  } catch {
    return undefined; // Not there, or half of it: a set that is none.
  }
}
