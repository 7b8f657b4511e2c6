import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { InstalledDataSet } from '@gozolite/contract/data/data-set';
import type { BuildContext } from '../build/root.js';
import type { PackFolders } from '../folders.js';
import type { InstalledPack } from '../installed.js';
import { PackError } from '../pack-error.js';
import type { FileEntry } from '../tree/manifest.js';
import { objectName, objectPath } from '../tree/objects.js';
import { manifestPath, type OnShare } from '../tree/place.js';
import { readManifest } from '../tree/verify.js';
import { compressorFor } from './compression.js';
import { BLOCK_BYTES, headerBlock, paddingOf } from './tar.js';

/** The first file of an archive. */
export const INDEX = 'gozolite-packs.json';

/** Where an archive has an object. */
export function objectFile(entry: FileEntry): string {
  return `objects/${objectName(entry)}`;
}

/**
 * Writes packs into one file: the index, the manifests, each object once. What differs from its
 * manifest is not exported.
 * @returns the bytes of the objects
 */
export async function exportPacks(
  { folders, env, signal }: BuildContext,
  file: string,
  sets: Sets,
  onShare: OnShare,
): Promise<number> {
  const objects = objectsOf(folders, sets);
  const total = objects.reduce((sum, { size }) => sum + size, 0);
  const draft = `${file}.new`;
  try {
    const parts = partsOf(folders, { sets, objects, total }, onShare);
    const target = createWriteStream(draft, { flags: 'w', mode: 0o644 });
    await pipeline(Readable.from(parts), compressorFor(file, env), target, { signal });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  return total;
}

/** Each once, in an order that depends on nothing but their names. */
function objectsOf(folders: PackFolders, { packs, data }: Sets): readonly FileEntry[] {
  const objects = new Map<string, FileEntry>();
  for (const { name, digest } of [...packs, ...data]) {
    const manifest = readManifest(folders, digest);
    if (typeof manifest === 'string') throw new PackError(`${name}: ${manifest}`);
    for (const entry of manifest) {
      if (entry.type === 'file') objects.set(objectName(entry), entry);
    }
  }
  return [...objects].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, entry]) => entry);
}

/** What an archive holds. */
export interface Sets {
  readonly packs: readonly InstalledPack[];
  readonly data: readonly InstalledDataSet[];
}

interface Content {
  readonly sets: Sets;
  readonly objects: readonly FileEntry[];
  readonly total: number;
}

async function* partsOf(
  folders: PackFolders,
  { sets: { packs, data }, objects, total }: Content,
  onShare: OnShare,
): AsyncGenerator<Buffer> {
  yield* fileParts(INDEX, Buffer.from(`${JSON.stringify({ version: 1, packs, data }, null, 2)}\n`));
  for (const digest of new Set([...packs, ...data].map((each) => each.digest))) {
    yield* fileParts(`manifests/${digest}.json`, readFileSync(manifestPath(folders, digest)));
  }
  let done = 0;
  for (const entry of objects) {
    const { sha256, size } = entry;
    yield headerBlock({ name: objectFile(entry), size });
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(objectPath(folders, entry))) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest('hex') !== sha256) {
      throw new PackError(`${entry.path} has other content; gozo packs verify tells more`);
    }
    yield Buffer.alloc(paddingOf(size));
    done += size;
    onShare(done / total);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function* fileParts(name: string, content: Buffer): Generator<Buffer> {
  yield headerBlock({ name, size: content.length });
  yield content;
  yield Buffer.alloc(paddingOf(content.length));
}
