import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type InstalledDataSet, isDataName } from '@gozolite/contract/data/data-set';
import type { BuildContext } from '../build/root.js';
import { runTool } from '../build/tool.js';
import { watchDisk } from '../disk.js';
import type { PackFolders } from '../folders.js';
import { PackError, saysDiskFull } from '../pack-error.js';
import { withLock } from '../packs.js';
import { type Swept, sweep } from '../sweep.js';
import { type OnShare, placeTree, takeFiles } from '../tree/place.js';
import { scanData } from './scan.js';
import { readDataSets, removeDataSet, writeDataSet } from './sets.js';

export interface Added {
  readonly kind: 'added' | 'replaced' | 'unchanged';
  readonly set: InstalledDataSet;
  /** Bytes that nothing else had. */
  readonly newBytes: number;
}

export interface Watching {
  readonly onWait: () => void;
  readonly onShare: OnShare;
}

/**
 * Makes a data set out of a copy of a folder, a file or what is in an archive, and puts it in the
 * place of an older one of this name. The source stays as it is.
 */
export async function addDataSet(
  context: BuildContext,
  name: string,
  source: string,
  { onWait, onShare }: Watching,
): Promise<Added> {
  const { folders } = context;
  if (!isDataName(name)) {
    throw new PackError(
      `"${name}" is no name of a data set: small letters, digits, and . _ - between them`,
    );
  }
  return withLock(context, onWait, async () => {
    clearDrafts(folders);
    using disk = watchDisk(folders.root);
    const signal = AbortSignal.any([context.signal, disk.signal]);
    const draft = mkdtempSync(join(folders.build, DRAFT));
    try {
      await copyInto({ ...context, signal }, resolve(source), draft);
      const { entries, newBytes } = await takeFiles(folders, scanData(draft), (share) => {
        signal.throwIfAborted();
        onShare(share / 2);
      });
      const tree = await placeTree(folders, entries, (share) => onShare(0.5 + share / 2));
      const old = readDataSets(folders).find((each) => each.name === name);
      const set = { name, ...tree, added_at: new Date().toISOString() };
      if (old?.digest === set.digest) return { kind: 'unchanged', set: old, newBytes };
      await installDataSet(context, set);
      await sweep(folders);
      return { kind: old === undefined ? 'added' : 'replaced', set, newBytes };
    } catch (error) {
      signal.throwIfAborted();
      if (saysDiskFull(error)) throw new PackError(`the disk of ${folders.root} is full`);
      throw error instanceof PackError ? new PackError(`${source}: ${error.message}`) : error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  });
}

/** Everything is on the disk before the record says that the set exists. */
export async function installDataSet(
  { folders, env, signal }: BuildContext,
  set: InstalledDataSet,
): Promise<void> {
  const command = ['sync', '-f', folders.root];
  await runTool('sync', { command, env: { PATH: env.PATH ?? '/usr/bin:/bin' }, signal });
  writeDataSet(folders, set);
}

/** Removes data sets and what only they needed. */
export function removeDataSets(
  context: BuildContext,
  choose: (installed: readonly InstalledDataSet[]) => readonly InstalledDataSet[],
  onWait: () => void,
): Promise<Swept & { readonly removed: readonly InstalledDataSet[] }> {
  const { folders } = context;
  return withLock(context, onWait, async () => {
    const removed = choose(readDataSets(folders));
    for (const { name } of removed) removeDataSet(folders, name);
    return { ...(await sweep(folders)), removed };
  });
}

const DRAFT = 'data-';

/** What a killed call left. */
function clearDrafts({ build }: PackFolders): void {
  for (const name of readdirSync(build).filter((each) => each.startsWith(DRAFT))) {
    rmSync(join(build, name), { recursive: true, force: true });
  }
}

const ARCHIVE = /\.(tar|tgz|tar\.(gz|xz|bz2|zst))$/;

/** Links are copied as links, and a fifo is never opened: the scan looks at what is there. */
async function copyInto(context: BuildContext, source: string, draft: string): Promise<void> {
  const data = join(draft, 'data');
  mkdirSync(data);
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new PackError('it is not there');
  if (!stat.isDirectory() && !stat.isFile()) throw new PackError('it is neither file nor folder');
  const { PATH = '/usr/bin:/bin' } = context.env;
  const run = (command: readonly string[]) =>
    runTool(command[0] ?? '', { command, env: { PATH, LC_ALL: 'C' }, signal: context.signal });
  if (stat.isDirectory()) {
    await run(['cp', '-RP', '--reflink=auto', '--', `${source}/.`, data]);
  } else if (ARCHIVE.test(source)) {
    const place = ['--no-same-owner', '--no-same-permissions', '--directory', data];
    await run(['tar', '--extract', ...place, '--file', source]);
  } else {
    await run(['cp', '--reflink=auto', '--', source, join(data, basename(source))]);
  }
  await run(['chmod', '-R', 'u+rwX', '--', data]);
}
