import { resolve } from 'node:path';
import { exportPacks } from '@gozolite/packs/archive/export';
import { importPacks } from '@gozolite/packs/archive/take-in';
import type { BuildContext } from '@gozolite/packs/build/root';
import { verifyTree } from '@gozolite/packs/tree/verify';
import { megabytes, type PacksProgress } from './progress.js';

/** What packs and data sets have in common: a name, and a tree of this digest. */
interface Named {
  readonly name: string;
  readonly digest: string;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Looking is not making: where nothing ever was put in place, there is no folder. */
export function orNone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

export interface Removed {
  readonly removed: readonly Named[];
  readonly freedBytes: number;
  readonly inUse: number;
}

/** @param command whose next call frees the rest */
export function printRemoved({ removed, freedBytes, inUse }: Removed, command: string): void {
  for (const { name } of removed) print(`${name}: removed`);
  print(`${megabytes(freedBytes)} freed`);
  if (inUse > 0) print(`${inUse} still in use; the next ${command} frees what they take`);
}

export interface Verifying {
  readonly progress: PacksProgress;
  /** What a tree is that nothing touched since. */
  readonly asItWas: string;
}

/** Reads every byte. @returns 0, or 1 where a tree is not as it was put in place */
export async function verifyTrees(
  { folders, signal }: BuildContext,
  chosen: readonly Named[],
  { progress, asItWas }: Verifying,
): Promise<number> {
  let isGood = true;
  for (const { name, digest } of chosen) {
    const show = progress.share(name, 'verifying');
    const found = await verifyTree(folders, digest, (share) => {
      signal.throwIfAborted();
      show(share);
    });
    for (const { path, what } of found) {
      print(`${name}: ${path === '' ? '' : `/${path} `}${what}`);
    }
    if (found.length === 0) print(`${name}: ${asItWas}, ${digest}`);
    isGood &&= found.length === 0;
  }
  return isGood ? 0 : 1;
}

/** Under the lock of its caller, so that what is written stays there. */
export async function exportTo(
  context: BuildContext,
  file: string,
  sets: Parameters<typeof exportPacks>[2],
  { share }: PacksProgress,
): Promise<number> {
  const bytes = await exportPacks(context, resolve(file), sets, share('export', file));
  const words = [...sets.packs, ...sets.data].map(({ name }) => name).join(', ');
  print(`${file}: ${words}, ${megabytes(bytes)} before compression`);
  return 0;
}

/** An archive may hold packs and data sets. */
export async function importFrom(
  context: BuildContext,
  file: string,
  { share, onWait }: PacksProgress,
): Promise<number> {
  const show = share('import', file);
  const { packs, data } = await importPacks(context, resolve(file), show, onWait);
  for (const { name, digest } of [...packs, ...data]) print(`${name}: imported, ${digest}`);
  return 0;
}
