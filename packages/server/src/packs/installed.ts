import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type InstalledPack, isInstalledPack, packName } from '@gozolite/contract/pack';

/** A file of a few hundred bytes and a list of packages; more is none of ours. */
const BYTES_MAX = 4 * 1024 * 1024;
const PACKS_MAX = 4096;

export interface InstalledPacks {
  readonly packs: readonly InstalledPack[];
  /** Files that say nothing that can be used, and why. */
  readonly problems: readonly { readonly file: string; readonly reason: string }[];
}

/** Reads `installed/*.json` of the folder of packs. Nothing there is no pack, and no problem. */
export function readInstalled(folder: string): InstalledPacks {
  const packs: InstalledPack[] = [];
  const problems: { file: string; reason: string }[] = [];
  for (const name of jsonFiles(join(folder, 'installed'))) {
    const file = join(folder, 'installed', name);
    const read = readPack(folder, file, name.slice(0, -'.json'.length));
    if (typeof read === 'string') problems.push({ file, reason: read });
    else packs.push(read);
  }
  return { packs, problems };
}

/** Changes whenever a pack is put in place, exchanged or taken away. */
export function signatureOf(folder: string): string {
  const installed = join(folder, 'installed');
  return jsonFiles(installed)
    .map((name) => {
      const stat = statSync(join(installed, name), { throwIfNoEntry: false });
      return `${name} ${stat?.size} ${stat?.mtimeMs} ${stat?.ino}`;
    })
    .join('\n');
}

function jsonFiles(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    return names.sort().slice(0, PACKS_MAX);
  } catch {
    return []; // No pack was ever put in place, or they are not ours to read.
  }
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
    if (statSync(file).size > BYTES_MAX) return 'it is too large';
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isInstalledPack(value) ? value : 'it lacks a name, language, version, variant or digest';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
