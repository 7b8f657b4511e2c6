import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { statLine } from '../file/watch-folder.js';
import { loadLanguages } from '../load.js';
import { catalogueOf } from './catalogue.js';

/** The names that language files claim, whether or not there is a toolchain for them. */
export interface KnownNames {
  /** Each in lower case, with its language's id. */
  names(): ReadonlyMap<string, string>;
  /** Says the same as long as no file of a watched folder changed. */
  signature(): string;
  /** Reads the files again. */
  refresh(): Promise<void>;
}

/** @param own those of the folders whose files may come and go while the server runs */
export async function openKnownNames(
  folders: readonly string[],
  own: readonly string[],
): Promise<KnownNames> {
  const read = async () => catalogueOf(await loadLanguages(folders)).names;
  let names = await read();
  return {
    names: () => names,
    signature: () => own.map(signatureOf).join('\n'),
    refresh: async () => {
      names = await read();
    },
  };
}

function signatureOf(folder: string): string {
  try {
    const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
    return files
      .sort()
      .map((name) => statLine(name, statSync(join(folder, name), { throwIfNoEntry: false })))
      .join('\n');
  } catch (error) {
    return String(error);
  }
}
