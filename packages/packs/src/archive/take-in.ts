import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InstalledDataSet } from '@gozolite/contract/data/data-set';
import { type BuildContext, makeWorkFolder, removeRoot } from '../build/root.js';
import { installDataSet } from '../data/add.js';
import { readDataSets } from '../data/sets.js';
import { type InstalledPack, readInstalled } from '../installed.js';
import { installPack, withLock } from '../packs.js';
import { sweep } from '../sweep.js';
import { objectName, takeObject } from '../tree/objects.js';
import { type OnShare, placeTree } from '../tree/place.js';
import type { Sets } from './export.js';
import { readArchive } from './import.js';

/** Installs what an archive holds. Nothing is in place before all of it was checked. */
export function importPacks(
  context: BuildContext,
  file: string,
  onShare: OnShare,
  onWait: () => void,
): Promise<Sets> {
  const { folders } = context;
  return withLock(context, onWait, async () => {
    await sweep(folders);
    const work = makeWorkFolder(context);
    try {
      const objects = join(work, 'objects');
      mkdirSync(objects);
      const archive = await readArchive(context, file, objects, (share) => onShare(share * 0.9));
      for (const entry of archive.objects) {
        takeObject(folders, entry, join(objects, objectName(entry)));
      }
      const wasEmpty = readInstalled(folders).length + readDataSets(folders).length === 0;
      const installed: InstalledPack[] = [];
      for (const { pack, entries } of archive.packs) {
        const tree = await placeTree(folders, entries, () => context.signal.throwIfAborted());
        const taken = { ...pack, ...tree };
        await installPack(context, taken, undefined);
        installed.push(taken);
      }
      const data: InstalledDataSet[] = [];
      for (const { set, entries } of archive.data) {
        const tree = await placeTree(folders, entries, () => context.signal.throwIfAborted());
        const taken = { ...set, ...tree };
        await installDataSet(context, taken);
        data.push(taken);
      }
      if (!wasEmpty) await sweep(folders);
      return { packs: installed, data };
    } finally {
      await removeRoot(context, work);
    }
  });
}
