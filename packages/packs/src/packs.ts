import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildPack, type OnProgress, type Order } from './build/build-pack.js';
import { type BuildContext, removeRoot, runAsOwner, WORK } from './build/root.js';
import { openWorkshop, type Workshop } from './build/workshop.js';
import { watchDisk } from './disk.js';
import { makeFolders, type PackFolders } from './folders.js';
import { type InstalledPack, readInstalled, removeInstalled, writeInstalled } from './installed.js';
import { lockPacks } from './lock.js';
import { installedFor, nameOfOrder } from './orders.js';
import { PackError, saysDiskFull } from './pack-error.js';
import { type Swept, sweep } from './sweep.js';

/** Packs that are built at once: each unpacks on one core and downloads on the other. */
const BUILDS_MAX = 2;

/** What becomes of one order. */
export type Outcome =
  | {
      readonly kind: 'added' | 'replaced';
      readonly pack: InstalledPack;
      readonly newBytes: number;
      readonly tookMs: number;
    }
  | { readonly kind: 'present' | 'unchanged'; readonly pack: InstalledPack }
  | { readonly kind: 'failed'; readonly name: string; readonly reason: string };

/** What a caller may show while it waits. */
export interface Watcher {
  readonly onWait: () => void;
  /** Work that all builds have in common. */
  readonly onStep: (words: string) => void;
  readonly onProgress: (name: string) => OnProgress;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Runs work on the packs alone, and takes away before it what a killed call left. */
export async function withLock<T>(
  context: BuildContext,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  makeFolders(context.folders);
  using _lock = await lockPacks(context.folders, context.signal, onWait);
  const { build } = context.folders;
  for (const name of readdirSync(build).filter((each) => each.startsWith(WORK))) {
    await removeRoot(context, join(build, name));
  }
  return await work();
}

/**
 * Builds and installs packs, some at once. One that fails stops no other; what was downloaded is
 * kept for the next call then.
 * @param isUpdate build those, too, that are installed
 */
export function addPacks(
  context: BuildContext,
  orders: readonly Order[],
  isUpdate: boolean,
  watcher: Watcher,
): Promise<readonly Outcome[]> {
  const { folders } = context;
  return withLock(context, watcher.onWait, async () => {
    const before = readInstalled(folders);
    const isPresent = (order: Order) => !isUpdate && installedFor(before, order) !== undefined;
    const outcomes: Outcome[] = [];
    const tell = (outcome: Outcome) => {
      outcomes.push(outcome);
      watcher.onOutcome(outcome);
    };
    for (const order of orders) {
      const pack = installedFor(before, order);
      if (pack !== undefined && isPresent(order)) tell({ kind: 'present', pack });
    }
    const missing = orders.filter((order) => !isPresent(order));
    if (missing.length === 0) return outcomes;
    await sweep(folders);
    using disk = watchDisk(folders.root);
    const signal = AbortSignal.any([context.signal, disk.signal]);
    const watched = { ...context, signal };
    const suites = missing.map(({ recipe }) => recipe.suite);
    const workshop = await openWorkshop(watched, suites, watcher.onStep).catch((error: unknown) => {
      throw clearer(folders, error);
    });
    const waiting = missing.values();
    const work = async () => {
      for (const order of waiting) tell(await addOne(workshop, order, before, watcher));
    };
    await Promise.all(Array.from({ length: BUILDS_MAX }, work));
    signal.throwIfAborted();
    await sweep(folders);
    if (outcomes.every(({ kind }) => kind !== 'failed')) {
      await removeRoot(context, folders.downloads);
    }
    return outcomes;
  });
}

async function addOne(
  workshop: Workshop,
  order: Order,
  before: readonly InstalledPack[],
  { onProgress }: Watcher,
): Promise<Outcome> {
  const { context } = workshop;
  const { folders } = context;
  const name = nameOfOrder(order);
  const start = performance.now();
  try {
    const { pack: built, newBytes } = await buildPack(workshop, order, onProgress(name));
    const tookMs = Math.round(performance.now() - start);
    const pack = { ...built, build: { ms: tookMs, new_bytes: newBytes } };
    const old = installedFor(before, order);
    if (old?.digest === pack.digest && old.name === pack.name) return { kind: 'unchanged', pack };
    await installPack(context, pack, old);
    const kind = old === undefined ? 'added' : 'replaced';
    return { kind, pack, newBytes, tookMs };
  } catch (error) {
    context.signal.throwIfAborted();
    const { message } = clearer(folders, error);
    return { kind: 'failed', name, reason: message };
  }
}

/** Everything is on the disk before the record says that the pack exists. */
export async function installPack(
  context: BuildContext,
  pack: InstalledPack,
  old: InstalledPack | undefined,
): Promise<void> {
  const { folders } = context;
  await runAsOwner('sync', context, ['sync -f "$1"', folders.root]);
  writeInstalled(folders, pack);
  if (old !== undefined && old.name !== pack.name) removeInstalled(folders, old.name);
}

/** A tool's words about a full disk lead to what can be done about it. */
function clearer(folders: PackFolders, error: unknown): Error {
  if (saysDiskFull(error)) {
    const message = `the disk of ${folders.root} is full; nothing was installed, what was \
downloaded is kept`;
    return new PackError(message, { cause: error });
  }
  if (error instanceof Error) return error;
  return new PackError(String(error));
}

/** Removes installed packs and what only they needed. */
export function removePacks(
  context: BuildContext,
  choose: (installed: readonly InstalledPack[]) => readonly InstalledPack[],
  onWait: () => void,
): Promise<Swept & { readonly removed: readonly InstalledPack[] }> {
  const { folders } = context;
  return withLock(context, onWait, async () => {
    const removed = choose(readInstalled(folders));
    for (const { name } of removed) removeInstalled(folders, name);
    const swept = await sweep(folders);
    if (readInstalled(folders).length === 0) {
      // The last pack takes the base system and the tools of the builds along.
      await removeRoot(context, folders.build);
      rmSync(folders.downloads, { recursive: true, force: true });
      makeFolders(folders);
    }
    return { ...swept, removed };
  });
}
