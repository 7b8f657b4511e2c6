import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where everything of packs lies, on one file system: files are hard links to objects. */
export interface PackFolders {
  readonly root: string;
  /** `<digest>/`: a pack's tree, read-only. */
  readonly trees: string;
  /** `<aa>/<sha256>-<mode>`: each regular file of all trees once. */
  readonly objects: string;
  /** `<digest>.json`: what a tree consists of. */
  readonly manifests: string;
  /** `<name>.json`: its presence is what makes a pack exist. */
  readonly installed: string;
  /** `<name>.json`: the same for a data set. */
  readonly data: string;
  /** Kept until the packs are in place, so that an interrupted build goes on. */
  readonly downloads: string;
  /** Roots in which packs are built. */
  readonly build: string;
}

export function packFolders(root: string): PackFolders {
  const below = (name: string) => join(root, name);
  return {
    root,
    trees: below('trees'),
    objects: below('objects'),
    manifests: below('manifests'),
    installed: below('installed'),
    data: below('data'),
    downloads: below('downloads'),
    build: below('build'),
  };
}

export function makeFolders(folders: PackFolders): void {
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true, mode: 0o755 });
}
