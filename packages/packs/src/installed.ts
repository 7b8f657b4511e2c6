import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackFolders } from './folders.js';
import { PackError } from './pack-error.js';

export interface PackedPackage {
  readonly ecosystem: 'debian' | 'npm' | 'pypi' | 'maven' | 'go' | 'cargo';
  readonly name: string;
  readonly version: string;
}

/** `installed/<name>.json`. */
export interface InstalledPack {
  /** `<language>@<version>[+<variant>]`. */
  readonly name: string;
  readonly language: string;
  readonly version: string;
  readonly variant: string | null;
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  /** RFC 3339, UTC. */
  readonly built_at: string;
  readonly packages: readonly PackedPackage[];
}

const NAME = /^[a-z][a-z0-9-]*@[0-9][0-9a-z.]*(\+[a-z][a-z0-9]*)?$/;

export function packName(language: string, version: string, variant: string | null): string {
  return `${language}@${version}${variant === null ? '' : `+${variant}`}`;
}

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
  if (typeof data !== 'object' || data === null) return false;
  const pack: Partial<Record<keyof InstalledPack, unknown>> = data;
  const { name, language, version, variant, digest, bytes, files, built_at, packages } = pack;
  const isWhole = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value);
  return (
    typeof language === 'string' &&
    typeof version === 'string' &&
    (variant === null || typeof variant === 'string') &&
    typeof name === 'string' &&
    NAME.test(name) &&
    name === packName(language, version, variant) &&
    typeof digest === 'string' &&
    /^[0-9a-f]{64}$/.test(digest) &&
    isWhole(bytes) &&
    isWhole(files) &&
    typeof built_at === 'string' &&
    Array.isArray(packages)
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
