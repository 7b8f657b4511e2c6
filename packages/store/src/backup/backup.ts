import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { auditFolders } from '../audit/verify/export.js';
import type { StoreAddress } from '../open.js';
import { loadSnapshot } from '../sqlite/snapshot.js';
import { BackupError } from './backup-error.js';
import {
  type BackupFile,
  digestOfText,
  FORMAT,
  MANIFEST,
  type Manifest,
  piecesOf,
} from './manifest.js';
import { asOwner, type Owner, ownerOf } from './owner.js';

/** Where a server has what can't be made again. */
export interface BackupSources {
  readonly dataFolder: string;
  readonly store: StoreAddress;
  readonly secretFile: string;
  /** '' where there are none. */
  readonly policiesFolder: string;
  readonly packsFolder: string;
}

export interface Backup {
  readonly manifest: Manifest;
  /** Of the manifest's bytes: who has kept it elsewhere knows the backup again. */
  readonly digest: string;
}

/**
 * Copies what a server can't do without, while it runs. The folder is there whole, or not at all.
 * @param to a folder that is not there yet, or is empty
 * @throws BackupError
 */
export async function makeBackup(
  sources: BackupSources,
  to: string,
  version: string,
): Promise<Backup> {
  if (!existsSync(sources.dataFolder)) {
    throw new BackupError(`there is no ${sources.dataFolder}: GOZO_DATA or GOZO_STATE names it`);
  }
  requireFree(to);
  const unfinished = join(dirname(to), `.${basename(to)}.${randomBytes(4).toString('hex')}`);
  try {
    mkdirSync(unfinished, { recursive: true, mode: 0o700 });
    const copying = { ...sources, owner: ownerOf(sources.dataFolder), unfinished };
    const files = [
      // The store first: what is in it is on record in the log that is copied after it.
      ...(await copyStore(copying)),
      ...copyPlain(copying),
      ...auditFolders(sources.dataFolder).flatMap((folder) => copyAudit(copying, folder)),
      ...copyPolicies(copying),
    ];
    const manifest: Manifest = {
      ...{ format: FORMAT, created_at: new Date().toISOString(), version },
      store: sources.store.kind === 'postgres' ? 'postgres' : storeIn(files),
      files,
      packs: packsIn(sources.packsFolder),
    };
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    writeFileSync(join(unfinished, MANIFEST), text, { mode: 0o600, flush: true });
    requireFree(to);
    renameSync(unfinished, to);
    return { manifest, digest: digestOfText(text) };
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** @throws BackupError */
export function requireFree(folder: string): void {
  if (!existsSync(folder)) return;
  const isEmpty = readdirSync(folder).length === 0;
  if (!isEmpty) throw new BackupError(`${folder} is not empty, and nothing is overwritten`);
}

interface Copying extends BackupSources {
  readonly owner: Owner;
  readonly unfinished: string;
}

function storeIn(files: readonly BackupFile[]): 'sqlite' | 'none' {
  return files.some(({ path }) => path === 'store.db') ? 'sqlite' : 'none';
}

async function copyStore(copying: Copying): Promise<readonly BackupFile[]> {
  const { store, dataFolder, owner } = copying;
  if (store.kind !== 'sqlite' || !existsSync(store.file)) return [];
  forgetLeft(copying);
  const copy = join(dataFolder, `${COPY}${randomBytes(4).toString('hex')}`);
  // Loaded with our own rights: its owner may have none to read the library.
  const snapshot = await loadSnapshot();
  try {
    asOwner(owner, () => {
      closeSync(openSync(copy, 'wx', 0o600));
      snapshot(store.file, copy);
    });
    return [copyFile(copying, copy, 'store.db')];
  } finally {
    asOwner(owner, () => rmSync(copy, { force: true }));
  }
}

const COPY = '.backup-';

/** Of one that was killed on its way. */
function forgetLeft({ dataFolder, owner }: Copying): void {
  const left = readdirSync(dataFolder).filter((name) => name.startsWith(COPY));
  for (const name of left) asOwner(owner, () => rmSync(join(dataFolder, name), { force: true }));
}

function copyPlain(copying: Copying): readonly BackupFile[] {
  const { dataFolder, secretFile } = copying;
  const plain = [
    { from: secretFile, path: 'key-secret' },
    // Under this name the store has what the server was doing: it is ended as interrupted.
    { from: join(dataFolder, 'server-id'), path: 'server-id' },
  ];
  return plain
    .filter(({ from }) => existsSync(from))
    .map(({ from, path }) => copyFile(copying, from, path));
}

/**
 * What is signed first, then the log, which only grows: so each checkpoint is of what is there.
 * Keys last: one that was made meanwhile is taken over by the next start. The tree's hashes are
 * made again.
 */
const AUDIT = ['checkpoint', 'checkpoints', 'log', 'key.next', 'key.pub', 'key'];

function copyAudit(copying: Copying, folder: string): readonly BackupFile[] {
  mkdirSync(join(copying.unfinished, basename(folder)), { mode: 0o700 });
  return AUDIT.filter((name) => existsSync(join(folder, name))).map((name) =>
    copyFile(copying, join(folder, name), `${basename(folder)}/${name}`),
  );
}

function copyPolicies(copying: Copying): readonly BackupFile[] {
  const { policiesFolder: folder, unfinished } = copying;
  if (folder === '' || !existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^[a-z0-9-]+\.ya?ml$/.test(name));
  mkdirSync(join(unfinished, 'policies'), { mode: 0o700 });
  const own = { ...copying, owner: ownerOf(folder) };
  return names.sort().map((name) => copyFile(own, join(folder, name), `policies/${name}`));
}

/** As long as it is when the copying begins. @throws BackupError for what is no file */
function copyFile({ owner, unfinished }: Copying, from: string, path: string): BackupFile {
  const source = asOwner(owner, () => openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW));
  try {
    const stat = fstatSync(source);
    if (!stat.isFile()) throw new BackupError(`${from} is no file`);
    const target = openSync(join(unfinished, path), 'wx', 0o600);
    const hash = createHash('sha256');
    let bytes = 0;
    for (const piece of piecesOf(source, stat.size)) {
      writeSync(target, piece);
      hash.update(piece);
      bytes += piece.length;
    }
    fsyncSync(target);
    closeSync(target);
    return { path, bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(source);
  }
}

function packsIn(folder: string): readonly string[] {
  const installed = join(folder, 'installed');
  if (!existsSync(installed)) return [];
  const names = readdirSync(installed).filter((name) => name.endsWith('.json'));
  return names.map((name) => name.slice(0, -'.json'.length)).sort();
}
