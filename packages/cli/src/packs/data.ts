import { resolve } from 'node:path';
import type { InstalledDataSet } from '@gozolite/contract/data/data-set';
import { exportPacks } from '@gozolite/packs/archive/export';
import { importPacks } from '@gozolite/packs/archive/take-in';
import type { BuildContext } from '@gozolite/packs/build/root';
import { addDataSet, removeDataSets } from '@gozolite/packs/data/add';
import { chooseDataSets, readDataSets } from '@gozolite/packs/data/sets';
import { packFolders } from '@gozolite/packs/folders';
import { withLock } from '@gozolite/packs/packs';
import { verifyTree } from '@gozolite/packs/tree/verify';
import { UsageError } from '../usage-error.js';
import type { DataRequest } from './data-program.js';
import type { PacksContext } from './packs.js';
import { createPacksProgress, megabytes, type PacksProgress } from './progress.js';

/** `gozo data …`. @returns 0, or 1 where a set is not as it was added */
export async function data(
  { root, env, signal }: Omit<PacksContext, 'languages'>,
  request: DataRequest,
): Promise<number> {
  const context = { folders: packFolders(root), env, signal };
  using progress = createPacksProgress(process.stderr);
  const { onWait } = progress;
  switch (request.kind) {
    case 'add': {
      const { name, source } = request;
      const onShare = progress.share(name, 'copying');
      const { kind, set, newBytes } = await addDataSet(context, name, source, { onWait, onShare });
      const bytes = `${megabytes(set.bytes)}, ${megabytes(newBytes)} of them new`;
      print(`${name}: ${kind}, ${set.files} files, ${bytes}, ${set.digest}`);
      return 0;
    }
    case 'remove': {
      const choose = choiceOf(request);
      const { removed, freedBytes, inUse } = await removeDataSets(context, choose, onWait);
      for (const { name } of removed) print(`${name}: removed`);
      print(`${megabytes(freedBytes)} freed`);
      if (inUse > 0) print(`${inUse} still in use; the next gozo data frees what they take`);
      return 0;
    }
    case 'verify':
      return verify(context, request, progress);
    case 'list':
      return list(context, request.json);
    case 'export':
      return withLock(context, onWait, async () => {
        const chosen = chooseDataSets(readDataSets(context.folders), request.names);
        const show = progress.share('export', request.file);
        const sets = { packs: [], data: chosen };
        const bytes = await exportPacks(context, resolve(request.file), sets, show);
        const words = chosen.map(({ name }) => name).join(', ');
        print(`${request.file}: ${words}, ${megabytes(bytes)} before compression`);
        return 0;
      });
    case 'import': {
      const show = progress.share('import', request.file);
      const sets = await importPacks(context, resolve(request.file), show, onWait);
      for (const { name, digest } of [...sets.packs, ...sets.data]) {
        print(`${name}: imported, ${digest}`);
      }
      return 0;
    }
  }
}

type Choice = Extract<DataRequest, { isAll: boolean }>;

function choiceOf({ names, isAll }: Choice) {
  if (names.length === 0 && !isAll) throw new UsageError('name the data sets, or say --all');
  return (installed: readonly InstalledDataSet[]) =>
    isAll ? installed : chooseDataSets(installed, names);
}

function verify(context: BuildContext, request: Choice, progress: PacksProgress): Promise<number> {
  const choose = choiceOf(request);
  const { folders, signal } = context;
  return withLock(context, progress.onWait, async () => {
    let isGood = true;
    for (const { name, digest } of choose(readDataSets(folders))) {
      const show = progress.share(name, 'verifying');
      const found = await verifyTree(folders, digest, (share) => {
        signal.throwIfAborted();
        show(share);
      });
      for (const { path, what } of found) {
        print(`${name}: ${path === '' ? '' : `/${path} `}${what}`);
      }
      if (found.length === 0) print(`${name}: as it was added, ${digest}`);
      isGood &&= found.length === 0;
    }
    return isGood ? 0 : 1;
  });
}

function list({ folders }: BuildContext, json: boolean): number {
  const installed = installedIn(folders);
  if (json) print(JSON.stringify({ folder: folders.root, installed }, null, 2));
  else if (installed.length === 0) print(`no data set is installed in ${folders.root}`);
  for (const { name, bytes, files, digest } of json ? [] : installed) {
    print(`${name.padEnd(22)} ${megabytes(bytes).padStart(8)} ${files} files  ${digest}`);
  }
  return 0;
}

/** Looking is not making: where none ever was, there is no folder. */
function installedIn(folders: BuildContext['folders']): readonly InstalledDataSet[] {
  try {
    return readDataSets(folders);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
