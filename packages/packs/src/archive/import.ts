import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type InstalledDataSet, isInstalledDataSet } from '@gozolite/contract/data/data-set';
import type { BuildContext } from '../build/root.js';
import { requireSpace } from '../disk.js';
import { type InstalledPack, parseInstalled } from '../installed.js';
import { PackError } from '../pack-error.js';
import {
  digestOf,
  type Entry,
  type FileEntry,
  kindOf,
  parseManifest,
  type TreeKind,
} from '../tree/manifest.js';
import { objectName } from '../tree/objects.js';
import type { OnShare } from '../tree/place.js';
import { decompressorFor } from './compression.js';
import { INDEX, objectFile, type Sets } from './export.js';
import { PieceReader } from './reader.js';
import { BLOCK_BYTES, paddingOf, parseHeader } from './tar.js';

const INDEX_BYTES_MAX = 16 << 20;
const MANIFEST_BYTES_MAX = 256 << 20;

/** An archive whose every byte was checked; its objects lie in a folder, by their names. */
export interface ReadArchive {
  readonly packs: readonly { readonly pack: InstalledPack; readonly entries: readonly Entry[] }[];
  readonly data: readonly { readonly set: InstalledDataSet; readonly entries: readonly Entry[] }[];
  readonly objects: readonly FileEntry[];
}

/**
 * Reads an archive that anybody may have written. Nothing is unpacked by a name that it gives:
 * a file is taken for what its own hash says, and a tree for what its manifest says, or refused.
 * @param folder where objects are written
 */
export async function readArchive(
  { env, signal }: Pick<BuildContext, 'env' | 'signal'>,
  file: string,
  folder: string,
  onShare: OnShare,
): Promise<ReadArchive> {
  const stream = createReadStream(file, { signal });
  const plain = stream.pipe(decompressorFor(startOf(file), env));
  stream.on('error', (error) => plain.destroy(error));
  try {
    const reader = new PieceReader(plain);
    const { packs, data } = await readIndex(reader);
    const digests = new Set([...packs, ...data].map(({ digest }) => digest));
    const manifests = await readManifests(reader, digests);
    const entriesOf = ({ name, digest }: { name: string; digest: string }, kind: TreeKind) => {
      const entries = manifests.get(digest) ?? [];
      if (kindOf(entries) !== kind) throw new PackError(`the tree of ${name} is no ${kind}'s`);
      return entries;
    };
    const taken = {
      packs: packs.map((pack) => ({ pack, entries: entriesOf(pack, 'pack') })),
      data: data.map((set) => ({ set, entries: entriesOf(set, 'data') })),
    };
    const objects = await readObjects(reader, manifests, { folder, onShare });
    return { ...taken, objects };
  } catch (error) {
    // zlib's own errors (zlib.h) are about the file, too.
    const isDamaged = error instanceof Error && 'code' in error && /^Z_/.test(String(error.code));
    throw isDamaged ? new PackError('the archive is damaged', { cause: error }) : error;
  } finally {
    stream.destroy();
    plain.destroy();
  }
}

function startOf(file: string): Buffer {
  const handle = openSync(file, 'r');
  try {
    const start = Buffer.alloc(4);
    readSync(handle, start, 0, start.length, 0);
    return start;
  } finally {
    closeSync(handle);
  }
}

async function nextHeader(reader: PieceReader) {
  const header = parseHeader(await reader.exactly(BLOCK_BYTES));
  if (!header.ok) throw new PackError(header.error);
  return header.value;
}

async function readWhole(reader: PieceReader, name: string, bytesMax: number): Promise<string> {
  const header = await nextHeader(reader);
  if (header?.name !== name) {
    throw new PackError(`${JSON.stringify(header?.name ?? '')} stands where ${name} must`);
  }
  if (header.size > bytesMax) throw new PackError(`${name} has more than ${bytesMax} bytes`);
  const content = await reader.exactly(header.size);
  await reader.exactly(paddingOf(header.size));
  return content.toString('utf8');
}

async function readIndex(reader: PieceReader): Promise<Sets> {
  const text = await readWhole(reader, INDEX, INDEX_BYTES_MAX);
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch {
    throw new PackError(`${INDEX} is no JSON`);
  }
  const { packs, data = [] }: { packs?: unknown; data?: unknown } =
    typeof index === 'object' && index !== null ? index : {};
  if (!Array.isArray(packs)) throw new PackError(`${INDEX} names no packs`);
  if (!Array.isArray(data) || !data.every(isInstalledDataSet)) {
    throw new PackError(`${INDEX} describes no data sets`);
  }
  return { packs: packs.map((pack) => parseInstalled(JSON.stringify(pack), INDEX)), data };
}

async function readManifests(
  reader: PieceReader,
  digests: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly Entry[]>> {
  const manifests = new Map<string, readonly Entry[]>();
  for (const digest of digests) {
    const text = await readWhole(reader, `manifests/${digest}.json`, MANIFEST_BYTES_MAX);
    if (digestOf(text) !== digest) throw new PackError(`the manifest ${digest} was changed`);
    const manifest = parseManifest(text);
    if (!manifest.ok) throw new PackError(`the manifest ${digest}: ${manifest.error}`);
    manifests.set(digest, manifest.value);
  }
  return manifests;
}

interface Target {
  readonly folder: string;
  readonly onShare: OnShare;
}

async function readObjects(
  reader: PieceReader,
  manifests: ReadonlyMap<string, readonly Entry[]>,
  { folder, onShare }: Target,
): Promise<readonly FileEntry[]> {
  const files = [...manifests.values()]
    .flat()
    .flatMap((entry) => (entry.type === 'file' ? [entry] : []));
  const missing = new Map(files.map((entry) => [objectFile(entry), entry]));
  const found: FileEntry[] = [];
  const total = [...missing.values()].reduce((sum, { size }) => sum + size, 0);
  requireSpace(folder, total);
  let done = 0;
  for (;;) {
    const header = await nextHeader(reader);
    if (header === null) break;
    const entry = missing.get(header.name);
    if (entry === undefined || entry.size !== header.size) {
      throw new PackError(`${JSON.stringify(header.name)} is in no manifest`);
    }
    const hash = await writeObject(reader, header.size, join(folder, objectName(entry)));
    if (hash !== entry.sha256) throw new PackError(`${entry.path} has other content`);
    await reader.exactly(paddingOf(header.size));
    missing.delete(header.name);
    found.push(entry);
    done += entry.size;
    onShare(done / total);
  }
  const [lacking] = missing.values();
  if (lacking !== undefined) throw new PackError(`the archive lacks ${lacking.path}`);
  return found;
}

async function writeObject(reader: PieceReader, size: number, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = openSync(path, 'wx', 0o600);
  try {
    for await (const piece of reader.pieces(size)) {
      hash.update(piece);
      writeSync(file, piece);
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}
