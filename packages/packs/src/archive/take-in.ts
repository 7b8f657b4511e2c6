import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildContext, makeWorkFolder, removeRoot } from '../build/root.js';
import { type InstalledPack, readInstalled } from '../installed.js';
import { installPack, withLock } from '../packs.js';
import { sweep } from '../sweep.js';
import { objectName, takeObject } from '../tree/objects.js';
import { type OnShare, placeTree } from '../tree/place.js';
import { readArchive } from './import.js';

/** Installs the packs of an archive. Nothing is in place before all of it was checked. */
export function importPacks(
  context: BuildContext,
  file: string,
  onShare: OnShare,
  onWait: () => void,
): Promise<readonly InstalledPack[]> {
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
      const before = readInstalled(folders);
      const installed: InstalledPack[] = [];
      for (const { pack, entries } of archive.packs) {
        const tree = await placeTree(folders, entries, () => context.signal.throwIfAborted());
        const taken = { ...pack, ...tree };
        await installPack(context, taken, undefined);
        installed.push(taken);
      }
      if (before.length > 0) await sweep(folders);
      return installed;
    } finally {
      await removeRoot(context, work);
    }
  });
}
