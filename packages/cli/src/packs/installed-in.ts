import { packFolders } from '@gozolite/packs/folders';
import { type InstalledPack, readInstalled } from '@gozolite/packs/installed';

/** Looking is not making: where no pack ever was, there is no folder. */
export function installedIn(root: string): readonly InstalledPack[] {
  try {
    return readInstalled(packFolders(root));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
