import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ENDING = '.json';

/** The paths of a folder's records, sorted. */
export function recordsIn(folder: string): readonly string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(ENDING));
  return names.sort().map((name) => join(folder, name));
}

/** The last act of an installation. */
export function writeRecord(folder: string, record: { readonly name: string }): void {
  const path = recordOf(folder, record.name);
  writeFileSync(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/** The first act of a removal. */
export function removeRecord(folder: string, name: string): void {
  rmSync(recordOf(folder, name));
}

export function recordOf(folder: string, name: string): string {
  return join(folder, `${name}${ENDING}`);
}
