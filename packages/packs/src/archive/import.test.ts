import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'vitest';
import { digestOf, type Entry, manifestText } from '../tree/manifest.js';
import { INDEX } from './export.js';
import { readArchive } from './import.js';
import { headerBlock, paddingOf } from './tar.js';

interface Part {
  readonly name: string;
  readonly content: Buffer;
  /** What the header says instead of the truth. */
  readonly change?: (header: Buffer) => void;
}

const content = Buffer.from('hello\n');
const sha256 = createHash('sha256').update(content).digest('hex');
const entries: readonly Entry[] = [
  { path: 'usr', type: 'folder', mode: '555' },
  { path: 'usr/hello', type: 'file', mode: '444', size: content.length, sha256 },
];
const manifest = manifestText(entries);
const digest = digestOf(manifest);
const pack = {
  name: 'demo@1.0',
  language: 'demo',
  version: '1.0',
  variant: null,
  digest,
  bytes: 6,
  files: 1,
  built_at: '2026-01-01T00:00:00.000Z',
  packages: [],
};
const index = (packs: readonly object[]): Part => ({
  name: INDEX,
  content: Buffer.from(JSON.stringify({ version: 1, packs })),
});
const manifestPart: Part = { name: `manifests/${digest}.json`, content: Buffer.from(manifest) };
const object: Part = { name: `objects/${sha256}-444`, content };

function archiveOf(parts: readonly Part[]): Buffer {
  const blocks = parts.flatMap(({ name, content: bytes, change }) => {
    const header = headerBlock({ name, size: bytes.length });
    change?.(header);
    return [header, bytes, Buffer.alloc(paddingOf(bytes.length))];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** Reads an archive in a folder of its own. @returns what was read, and the objects it wrote */
async function read(bytes: Buffer) {
  const folder = mkdtempSync(join(tmpdir(), 'gozo-import-'));
  try {
    const file = join(folder, 'packs.tar.gz');
    writeFileSync(file, bytes);
    mkdirSync(join(folder, 'objects'));
    const context = { env: {}, signal: new AbortController().signal };
    const archive = await readArchive(context, file, join(folder, 'objects'), () => {});
    const written = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return { archive, written };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a good archive gives its packs and its objects, by their hashes', async () => {
  const { archive, written } = await read(archiveOf([index([pack]), manifestPart, object]));
  assert.deepEqual(archive.packs, [{ pack, entries }]);
  assert.deepEqual(written.sort(), ['objects', `objects/${sha256}-444`, 'packs.tar.gz']);
});

/** A header with another kind or name, its checksum made right again. */
const forged = (write: (header: Buffer) => void) => (header: Buffer) => {
  write(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
};
const changed = { ...object, content: Buffer.from('hellO\n') };
const evil = manifestText([
  ...entries.slice(0, 1),
  { path: 'usr/../../../tmp/x', type: 'file', mode: '444', size: 6, sha256 },
]);
const evilPack = { ...pack, digest: digestOf(evil) };
const evilPart = { name: `manifests/${digestOf(evil)}.json`, content: Buffer.from(evil) };

const refused: readonly (readonly [string, readonly Part[], RegExp])[] = [
  ['no index', [manifestPart], /stands where gozolite-packs.json must/],
  ['an index without packs', [{ name: INDEX, content: Buffer.from('{}') }], /names no packs/],
  ['a name with a path', [index([{ ...pack, name: '../x@1.0', language: '../x' }])], /no pack/],
  ['a digest with a path', [index([{ ...pack, digest: '../../x' }])], /describes no pack/],
  ['no manifest', [index([pack]), object], /stands where manifests/],
  [
    'another manifest',
    [index([pack]), { ...manifestPart, content: Buffer.from(`${manifest} `) }],
    /was changed/,
  ],
  ['a path out of the tree', [index([evilPack]), evilPart, object], /no path inside the tree/],
  ['other content', [index([pack]), manifestPart, changed], /usr\/hello has other content/],
  ['a missing object', [index([pack]), manifestPart], /lacks usr\/hello/],
  ['an object twice', [index([pack]), manifestPart, object, object], /is in no manifest/],
  [
    'a file of its own name',
    [index([pack]), manifestPart, { name: '../../etc/passwd', content }],
    /is in no manifest/,
  ],
  [
    'a link',
    [
      index([pack]),
      manifestPart,
      { ...object, change: forged((header) => header.write('2', 156)) },
    ],
    /no regular file/,
  ],
  [
    'a device',
    [
      index([pack]),
      manifestPart,
      { ...object, change: forged((header) => header.write('3', 156)) },
    ],
    /no regular file/,
  ],
  [
    'a prefix before the name',
    [
      index([pack]),
      manifestPart,
      { ...object, change: forged((header) => header.write('../..', 345)) },
    ],
    /no regular file/,
  ],
  [
    'a header with a wrong checksum',
    [index([pack]), manifestPart, { ...object, change: (header) => void header.write('x', 0) }],
    /damaged/,
  ],
];
for (const [name, parts, says] of refused) {
  test(`an archive with ${name} is refused`, async () => {
    await assert.rejects(read(archiveOf(parts)), says);
  });
}

test('an archive that ends too early is refused', async () => {
  const whole = archiveOf([index([pack]), manifestPart, object]);
  await assert.rejects(read(whole.subarray(0, whole.length - 30)), /damaged|ends too early/);
  await assert.rejects(read(Buffer.from('PK\u0003\u0004')), /neither gzip nor zstd/);
});
