import { createHash } from 'node:crypto';
import { ok, type Result, refuse } from '@gozolite/contract/result';

/**
 * One file, folder or link of a tree. There is nothing else: no devices, no setuid bits, nothing
 * that anybody may write.
 */
export type Entry =
  | { readonly path: string; readonly type: 'folder'; readonly mode: '555' }
  | {
      readonly path: string;
      readonly type: 'file';
      readonly mode: '444' | '555';
      readonly size: number;
      readonly sha256: string;
    }
  | { readonly path: string; readonly type: 'link'; readonly target: string };

export type FileEntry = Extract<Entry, { type: 'file' }>;

const VERSION = 1;
/** What a pack's tree or a data set's may have at its top. The rest is the launcher's to make. */
const TOPS = { pack: ['etc', 'usr'], data: ['data'] };
export type TreeKind = keyof typeof TOPS;
const ENTRIES_MAX = 2_000_000;
const PATH_BYTES_MAX = 4095;
const NAME_BYTES_MAX = 255;

/** The manifest as it is kept and hashed: one entry a line, sorted by the bytes of the paths. */
export function manifestText(entries: readonly Entry[]): string {
  const lines = [...entries]
    .sort((left, right) => Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)))
    .map(lineOf);
  return `{"version":${VERSION},"entries":[\n${lines.join(',\n')}\n]}\n`;
}

/** A tree's digest: SHA-256 (hex) of its manifest's bytes. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Members in a fixed order, whatever the order in the object. */
function lineOf(entry: Entry): string {
  const { path, type } = entry;
  switch (entry.type) {
    case 'folder':
      return JSON.stringify({ path, type, mode: entry.mode });
    case 'file':
      return JSON.stringify({
        path,
        type,
        mode: entry.mode,
        size: entry.size,
        sha256: entry.sha256,
      });
    case 'link':
      return JSON.stringify({ path, type, target: entry.target });
  }
}

/**
 * Reads a manifest that anybody may have written. What comes out can be laid down as it is: each
 * path is below a folder that stands before it, none leads out of the tree, none comes twice.
 */
export function parseManifest(text: string): Result<readonly Entry[], string> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return refuse('the manifest is no JSON');
  }
  if (!isRecord(data) || data.version !== VERSION || !Array.isArray(data.entries)) {
    return refuse(`the manifest is not of version ${VERSION}`);
  }
  if (data.entries.length > ENTRIES_MAX) return refuse(`more than ${ENTRIES_MAX} entries`);
  const entries: Entry[] = [];
  const folders = new Set<string>();
  for (const each of data.entries) {
    const entry = parseEntry(each);
    if (!entry.ok) return entry;
    const fault = placeFault(entry.value, folders);
    if (fault !== undefined) return refuse(`${JSON.stringify(entry.value.path)} ${fault}`);
    if (entry.value.type === 'folder') folders.add(entry.value.path);
    entries.push(entry.value);
  }
  const kind = kindOf(entries);
  if (kind === undefined) return refuse('the tree has neither a folder usr nor a folder data');
  if (kind === 'data') {
    const astray = entries.find((entry) => entry.type === 'link' && leadsOut(entry));
    if (astray !== undefined) return refuse(`${astray.path} leads out of the data set`);
  }
  // Equal bytes: sorted, no path twice, no member that is not known.
  const isCanonical = manifestText(entries) === text && !hasDuplicates(entries);
  return isCanonical ? ok(entries) : refuse('the manifest is not in its canonical form');
}

/** Whose tree it is; undefined where it is neither's, or a bit of both. */
export function kindOf(entries: readonly Entry[]): TreeKind | undefined {
  const tops = entries.filter(({ path }) => !path.includes('/')).map(({ path }) => path);
  if (tops.includes('data')) return tops.length === 1 ? 'data' : undefined;
  return tops.includes('usr') ? 'pack' : undefined;
}

/**
 * Whether a link of a data set leads out of it. `..` may only stand at the beginning, where what it
 * goes up from is a folder and no link.
 */
export function leadsOut({ path, target }: Pick<Entry & { type: 'link' }, 'path' | 'target'>) {
  const segments = target.split('/');
  const names = segments.findIndex((segment) => segment !== '..');
  const ups = names < 0 ? segments.length : names;
  const isPlain = segments.slice(ups).every((segment) => segment !== '..');
  const depth = path.split('/').length - 2;
  return target.startsWith('/') || !isPlain || ups > depth;
}

function hasDuplicates(entries: readonly Entry[]): boolean {
  return new Set(entries.map(({ path }) => path)).size !== entries.length;
}

function parseEntry(data: unknown): Result<Entry, string> {
  const strange = (what: string) => refuse(`${JSON.stringify(data).slice(0, 200)}: ${what}`);
  if (!isRecord(data) || typeof data.path !== 'string') return refuse('an entry has no path');
  const { path, type, mode, size, sha256, target } = data;
  switch (type) {
    case 'folder':
      if (mode !== '555') return strange('the mode of a folder is 555');
      return ok({ path, type, mode });
    case 'file':
      if (mode !== '444' && mode !== '555') return strange('the mode of a file is 444 or 555');
      if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
        return strange('the size is no number of bytes');
      }
      if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
        return strange('no SHA-256');
      }
      return ok({ path, type, mode, size, sha256 });
    case 'link':
      if (typeof target !== 'string' || !isName(target, PATH_BYTES_MAX)) {
        return strange('the target of a link is text');
      }
      return ok({ path, type, target });
    default:
      return strange('neither a folder, nor a file, nor a link');
  }
}

function placeFault({ path, type }: Entry, folders: ReadonlySet<string>): string | undefined {
  const segments = path.split('/');
  const isSafe = (segment: string) =>
    segment !== '.' && segment !== '..' && isName(segment, NAME_BYTES_MAX);
  if (!segments.every(isSafe) || !isName(path, PATH_BYTES_MAX)) {
    return 'is no path inside the tree';
  }
  if (segments.length === 1) {
    const tops = Object.values(TOPS).flat();
    if (!tops.includes(path)) return `is not below ${tops.join(' or ')}`;
    return type === 'folder' ? undefined : 'must be a folder';
  }
  const above = segments.slice(0, -1).join('/');
  return folders.has(above) ? undefined : 'lies in no folder of the tree';
}

function isName(text: string, bytesMax: number): boolean {
  return text !== '' && !text.includes('\0') && Buffer.byteLength(text) <= bytesMax;
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
