import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { BackupError } from './backup-error.js';

export const MANIFEST = 'manifest.json';
export const FORMAT = 1;

export interface BackupFile {
  /** Below the backup's folder, with `/` between. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** What a backup is, and what is in it. */
export interface Manifest {
  readonly format: typeof FORMAT;
  /** RFC 3339, UTC. */
  readonly created_at: string;
  /** Of GozoLite. */
  readonly version: string;
  /** `postgres`: the store is not in it. */
  readonly store: 'sqlite' | 'postgres' | 'none';
  readonly files: readonly BackupFile[];
  /** Packs that were installed: they are built again, not kept. */
  readonly packs: readonly string[];
}

const PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,3}$/;

/** @throws BackupError where it is none, or names what is not below the folder */
export function parseManifest(text: string): Manifest {
  const value = parsed(text);
  if (value?.format !== FORMAT) {
    throw new BackupError(`${MANIFEST} is not one of format ${FORMAT}: of another GozoLite?`);
  }
  const { files, packs, store } = value;
  const isWhole =
    Array.isArray(files) &&
    Array.isArray(packs) &&
    ['sqlite', 'postgres', 'none'].includes(String(store)) &&
    files.every((file) => isFile(file) && PATH.test(file.path)) &&
    new Set(files.map(({ path }: BackupFile) => path)).size === files.length;
  if (!isWhole) throw new BackupError(`${MANIFEST} is broken`);
  // It was just looked at, member by member.
  return value as unknown as Manifest;
}

function isFile(file: unknown): file is BackupFile {
  if (typeof file !== 'object' || file === null) return false;
  const { path, bytes, sha256 } = file as Partial<Record<keyof BackupFile, unknown>>;
  return (
    typeof path === 'string' &&
    Number.isSafeInteger(bytes) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export function digestOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const PIECE_BYTES = 1024 * 1024;

/** The bytes of an open file from its beginning, as far as it went when this began. */
export function* piecesOf(file: number, bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; ) {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, bytes - at));
    const got = readSync(file, piece, 0, piece.length, at);
    if (got === 0) return;
    yield piece.subarray(0, got);
    at += got;
  }
}

/** @returns digest and length of a file as it is */
export function measure(path: string): Pick<BackupFile, 'bytes' | 'sha256'> {
  const file = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for (const piece of piecesOf(file, Number.MAX_SAFE_INTEGER)) {
      hash.update(piece);
      bytes += piece.length;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(file);
  }
}
