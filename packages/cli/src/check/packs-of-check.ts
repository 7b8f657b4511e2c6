import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order } from '@gozolite/packs/build/build-pack';
import { type BuildContext, removeRoot } from '@gozolite/packs/build/root';
import { packFolders } from '@gozolite/packs/folders';
import { type InstalledPack, readInstalled } from '@gozolite/packs/installed';
import { installedFor, ordersOf } from '@gozolite/packs/orders';
import { addPacks } from '@gozolite/packs/packs';
import { createPacksProgress } from '../packs/progress.js';
import { orNone } from '../packs/store.js';
import type { Target } from './targets.js';

/**
 * Where toolchains come from: `packs`, nothing of the host; `host`, no pack; else as a server would
 * choose, and the pack of a file that was named is built.
 */
export type From = 'packs' | 'host' | undefined;

/** The packs that a check runs programs from; a folder of its own goes with it. */
export interface CheckPacks extends AsyncDisposable {
  /** A folder; undefined where no pack serves. */
  readonly root: string | undefined;
  /** What is checked of a language; none: what a request gets that names no version. */
  readonly of: (language: string) => readonly InstalledPack[];
  /** Why the pack of a language could not be built. */
  readonly failureOf: (language: string) => string | undefined;
}

export interface PacksWanted {
  readonly from: From;
  /** Where packs are put. */
  readonly root: string;
  /** The caller named the folder: what a check builds stays in it. */
  readonly isGiven: boolean;
  readonly env: BuildContext['env'];
  readonly signal: AbortSignal;
}

/** Builds what files that were named need and what is not in place. */
export async function packsFor(
  targets: readonly Target[],
  wanted: PacksWanted,
): Promise<CheckPacks> {
  const { from, root } = wanted;
  if (from === 'host') return packsIn(undefined, () => false, new Map());
  const orders = targets.flatMap(({ file, isNamedFile }) =>
    file === undefined || !isNamedFile ? [] : ordersOf(file).slice(0, 1),
  );
  const isAllThere = orders.every(
    (order) =>
      installedFor(
        orNone(() => readInstalled(packFolders(root))),
        order,
      ) !== undefined,
  );
  const isBuilt = (pack: InstalledPack) =>
    orders.some((order) => installedFor([pack], order) !== undefined);
  const isChosen = from === 'packs' ? () => true : isBuilt;
  if (isAllThere) return packsIn(root, isChosen, new Map());
  if (wanted.isGiven) return packsIn(root, isChosen, await build(orders, wanted));
  const folder = mkdtempSync(join(tmpdir(), 'gozo-check-'));
  const own = { ...wanted, root: folder };
  const clear = () => removeRoot(contextOf(own), folder);
  try {
    // The launcher has a sandbox see it, and the server looks for files in it.
    chmodSync(folder, 0o755);
    const failures = await build(orders, own);
    return { ...packsIn(folder, isChosen, failures), [Symbol.asyncDispose]: clear };
  } catch (error) {
    await clear();
    throw error;
  }
}

function packsIn(
  root: string | undefined,
  isChosen: (pack: InstalledPack) => boolean,
  failures: ReadonlyMap<string, string>,
): CheckPacks {
  const installed =
    root === undefined ? [] : orNone(() => readInstalled(packFolders(root))).filter(isChosen);
  return {
    root,
    of: (language) => installed.filter((pack) => pack.language === language),
    failureOf: (language) => failures.get(language),
    [Symbol.asyncDispose]: async () => {},
  };
}

function contextOf({ root, env, signal }: PacksWanted): BuildContext {
  return { folders: packFolders(root), env, signal };
}

/** @returns why some could not be built, by language */
async function build(
  orders: readonly Order[],
  wanted: PacksWanted,
): Promise<ReadonlyMap<string, string>> {
  using progress = createPacksProgress(process.stderr);
  const failures = new Map<string, string>();
  for (const outcome of await addPacks(contextOf(wanted), orders, false, progress)) {
    if (outcome.kind !== 'failed') continue;
    const order = orders.find(({ file }) => languageOf(outcome.name) === file.id);
    if (order !== undefined) failures.set(order.file.id, outcome.reason);
  }
  return failures;
}

function languageOf(packName: string): string | undefined {
  return /^[^@+]+/.exec(packName)?.[0];
}
