import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type InstalledPack, isInstalledPack, packName } from '@gozolite/contract/pack';
import { statLine } from '@gozolite/languages/file/watch-folder';
import { readRecord, recordFile, recordNames } from './records.js';

/** A file of a few hundred bytes and a list of packages; more is none of ours. */
const BYTES_MAX = 4 * 1024 * 1024;

export interface InstalledPacks {
  readonly packs: readonly InstalledPack[];
  /** Files that say nothing that can be used, and why. */
  readonly problems: readonly { readonly file: string; readonly reason: string }[];
}

/** Reads `installed/*.json` of the folder of packs. Nothing there is no pack, and no problem. */
export function readInstalled(folder: string): InstalledPacks {
  const packs: InstalledPack[] = [];
  const problems: { file: string; reason: string }[] = [];
  const installed = join(folder, 'installed');
  for (const name of recordNames(installed)) {
    const file = recordFile(installed, name);
    const read = readPack(folder, file, name);
    if (typeof read === 'string') problems.push({ file, reason: read });
    else packs.push(read);
  }
  return { packs, problems };
}

/** Changes whenever a pack is put in place, exchanged or taken away. */
export function signatureOf(folder: string): string {
  const installed = join(folder, 'installed');
  return recordNames(installed)
    .map((name) => {
      const stat = statSync(recordFile(installed, name), { throwIfNoEntry: false });
      return statLine(name, stat);
    })
    .join('\n');
}

function readPack(folder: string, file: string, name: string): InstalledPack | string {
  const pack = parse(file);
  if (typeof pack === 'string') return pack;
  if (pack.name !== name) return `it names ${pack.name}`;
  if (name !== packName(pack)) return 'its name is not made of its language, version and variant';
  const usr = statSync(join(folder, 'trees', pack.digest, 'usr'), { throwIfNoEntry: false });
  if (!usr?.isDirectory()) return `its tree ${pack.digest} is not there`;
  return pack;
}

function parse(file: string): InstalledPack | string {
  try {
    const value = readRecord(file, BYTES_MAX);
    return isInstalledPack(value) ? value : 'it lacks a name, language, version, variant or digest';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
