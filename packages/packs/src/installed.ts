import { readFileSync } from 'node:fs';
import {
  isInstalledPack,
  type InstalledPack as PackInPlace,
  packName,
} from '@gozolite/contract/pack';
import type { PackFolders } from './folders.js';
import { PackError } from './pack-error.js';
import { recordsIn, removeRecord, writeRecord } from './records.js';

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
  return recordsIn(folders.installed).map((path) =>
    parseInstalled(readFileSync(path, 'utf8'), path),
  );
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

export function writeInstalled({ installed }: PackFolders, pack: InstalledPack): void {
  writeRecord(installed, pack);
}

export function removeInstalled({ installed }: PackFolders, name: string): void {
  removeRecord(installed, name);
}
