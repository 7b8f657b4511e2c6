import type { InstalledDataSet } from '@gozolite/contract/data/data-set';
import type { BuildContext } from '@gozolite/packs/build/root';
import { addDataSet, removeDataSets } from '@gozolite/packs/data/add';
import { chooseDataSets, readDataSets } from '@gozolite/packs/data/sets';
import { packFolders } from '@gozolite/packs/folders';
import { withLock } from '@gozolite/packs/packs';
import { UsageError } from '../usage-error.js';
import type { DataRequest } from './data-program.js';
import type { PacksContext } from './packs.js';
import { createPacksProgress, megabytes, type PacksProgress } from './progress.js';
import { exportTo, importFrom, orNone, print, printRemoved, verifyTrees } from './store.js';

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
    case 'remove':
      printRemoved(await removeDataSets(context, choiceOf(request), onWait), 'gozo data');
      return 0;
    case 'verify':
      return verify(context, request, progress);
    case 'list':
      return list(context, request.json);
    case 'export':
      return withLock(context, onWait, () => {
        const chosen = chooseDataSets(readDataSets(context.folders), request.names);
        return exportTo(context, request.file, { packs: [], data: chosen }, progress);
      });
    case 'import':
      return importFrom(context, request.file, progress);
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
  return withLock(context, progress.onWait, () =>
    verifyTrees(context, choose(readDataSets(context.folders)), {
      ...{ progress, asItWas: 'as it was added' },
    }),
  );
}

function list({ folders }: BuildContext, json: boolean): number {
  const installed = orNone(() => readDataSets(folders));
  if (json) print(JSON.stringify({ folder: folders.root, installed }, null, 2));
  else if (installed.length === 0) print(`no data set is installed in ${folders.root}`);
  for (const { name, bytes, files, digest } of json ? [] : installed) {
    print(`${name.padEnd(22)} ${megabytes(bytes).padStart(8)} ${files} files  ${digest}`);
  }
  return 0;
}
