import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

const ENDING = '.json';
const RECORDS_MAX = 4096;

/** The names of a folder's records, in the order of its files. */
export function recordNames(folder: string): readonly string[] {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith(ENDING));
    const first = files.sort().slice(0, RECORDS_MAX);
    return first.map((name) => basename(name, ENDING));
  } catch {
    return []; // Nothing was ever put in place, or it is not ours to read.
  }
}

export function recordFile(folder: string, name: string): string {
  return join(folder, `${name}${ENDING}`);
}

/** @throws where it is not there, no JSON, or larger than any that we write */
export function readRecord(file: string, bytesMax: number): unknown {
  if (statSync(file).size > bytesMax) throw new Error('it is too large');
  return JSON.parse(readFileSync(file, 'utf8'));
}
