import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { requireFree } from './backup.js';
import { BackupError } from './backup-error.js';
import type { Manifest } from './manifest.js';
import type { Owner } from './owner.js';

export interface RestoreTargets {
  readonly dataFolder: string;
  /** Where it is not in the folder of data. */
  readonly secretFile: string;
  readonly policiesFolder: string;
  /** Whose the files are to be; undefined: of who restores. */
  readonly owner: Owner | undefined;
}

/**
 * Brings a backup back that was checked before, into folders that are empty or not there yet. The
 * folder of data appears whole, or not at all.
 * @throws BackupError
 */
export function restoreBackup(from: string, manifest: Manifest, targets: RestoreTargets): void {
  const { dataFolder, secretFile, policiesFolder, owner } = targets;
  requireFree(dataFolder);
  const hasPolicies = manifest.files.some(({ path }) => path.startsWith('policies/'));
  if (hasPolicies) requireFree(policiesFolder);
  const isSecretInside = dirname(secretFile) === dataFolder;
  if (!isSecretInside && existsSync(secretFile)) {
    throw new BackupError(`there is a ${secretFile} already, and nothing is overwritten`);
  }
  makeWay(dirname(dataFolder));
  const unfinished = `${dataFolder}.${randomBytes(4).toString('hex')}`;
  const placeOf = (path: string): string => {
    if (path === 'key-secret')
      return isSecretInside ? join(unfinished, basename(secretFile)) : secretFile;
    if (!path.startsWith('policies/')) return join(unfinished, path);
    const isInside = dirname(policiesFolder) === dataFolder;
    const folder = isInside ? join(unfinished, basename(policiesFolder)) : policiesFolder;
    return join(folder, basename(path));
  };
  try {
    mkdirSync(unfinished, { mode: 0o700 });
    for (const { path } of manifest.files) place(join(from, path), placeOf(path), owner);
    own(unfinished, owner);
    requireFree(dataFolder);
    renameSync(unfinished, dataFolder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The server's user has to come through, whatever the umask is. */
function makeWay(folder: string): void {
  const before = process.umask(0o022);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  process.umask(before);
}

function place(from: string, to: string, owner: Owner | undefined): void {
  if (!existsSync(dirname(to))) {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    if (owner !== undefined) chownSync(dirname(to), owner.uid, owner.gid);
  }
  copyFileSync(from, to);
  chmodSync(to, 0o600);
  if (owner !== undefined) lchownSync(to, owner.uid, owner.gid);
}

function own(folder: string, owner: Owner | undefined): void {
  if (owner === undefined) return;
  chownSync(folder, owner.uid, owner.gid);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) own(path, owner);
  }
}
