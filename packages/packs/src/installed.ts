import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isInstalledPack,
  type InstalledPack as PackInPlace,
  packName,
} from '@gozolite/contract/pack';
import type { PackFolders } from './folders.js';
import { PackError } from './pack-error.js';

export interface PackedPackage {
  readonly ecosystem: 'debian' | 'npm' | 'pypi' | 'maven' | 'go' | 'cargo';
  readonly name: string;
  readonly version: string;
}

/** `installed/<name>.json`. */
export interface InstalledPack extends PackInPlace {
  readonly bytes: number;
  readonly files: number;
  /** RFC 3339, UTC. */
  readonly built_at: string;
  readonly packages: readonly PackedPackage[];
  /** What it took on the machine that built it; records of before it was kept have none. */
  readonly build?: PackBuild;
}

export interface PackBuild {
  readonly ms: number;
  /** Of the tree's bytes those that no pack installed before had. */
  readonly new_bytes: number;
}

const NAME = /^[a-z][a-z0-9-]*@[0-9][0-9a-z.]*(\+[a-z][a-z0-9]*)?$/;

/** Sorted by name. */
export function readInstalled(folders: PackFolders): readonly InstalledPack[] {
  const names = readdirSync(folders.installed).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => {
    const path = join(folders.installed, name);
    return parseInstalled(readFileSync(path, 'utf8'), path);
  });
}

/** @param where only named in the error */
export function parseInstalled(text: string, where: string): InstalledPack {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new PackError(`${where} is no JSON`);
  }
  if (!isInstalled(data)) throw new PackError(`${where} describes no pack`);
  return data;
}

function isInstalled(data: unknown): data is InstalledPack {
  if (!isInstalledPack(data) || !NAME.test(data.name) || data.name !== packName(data)) return false;
  const pack: Partial<Record<keyof InstalledPack, unknown>> = data;
  const { bytes, files, built_at, packages } = pack;
  const isWhole = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value);
  return (
    isWhole(bytes) && isWhole(files) && typeof built_at === 'string' && Array.isArray(packages)
  );
}

/** The last act of an installation. */
export function writeInstalled(folders: PackFolders, pack: InstalledPack): void {
  const path = join(folders.installed, `${pack.name}.json`);
  writeFileSync(`${path}.new`, `${JSON.stringify(pack, null, 2)}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/** The first act of a removal. */
export function removeInstalled(folders: PackFolders, name: string): void {
  rmSync(join(folders.installed, `${name}.json`));
}
