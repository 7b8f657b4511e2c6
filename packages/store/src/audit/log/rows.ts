import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AuditError } from '../audit-error.js';
import { HASH_BYTES } from '../tree/hash.js';
import { type ReadHash, storedCount } from '../tree/stored.js';
import { EVENT_KINDS, type EventKind } from './entry.js';

/** What is known of an entry without reading it. */
export interface EntryRow {
  /** In the log, behind its line break. */
  readonly endsAt: number;
  /** Of its execution; zeros where it is of none. */
  readonly uuid: Buffer;
  readonly kind: EventKind;
}

const ROW_BYTES = 32;
const UUID_AT = 8;
const KIND_AT = 24;
/** Looked through at a time, for an execution. */
const SEARCH_ROWS = 32_768;

/**
 * `rows` and `hashes` beside the log: where each entry ends and the tree's hashes, in records of 32
 * bytes. Both follow from the log and are made again where they don't fit it.
 */
export interface Rows extends Disposable {
  /** Whole ones that are there. */
  count(): number;
  row(index: number): EntryRow;
  readonly hash: ReadHash;
  /** Leaves the first `size` entries. */
  cutTo(size: number): void;
  append(from: number, rows: readonly EntryRow[], hashes: readonly Buffer[]): void;
  /** The last entry of that kind with this UUID, from there on. Lets others' work in between. */
  findLast(uuid: Buffer, kinds: readonly EventKind[], from: number): Promise<number | undefined>;
}

export function openRows(folder: string): Rows {
  const [rows, hashes] = ['rows', 'hashes'].map((name) => openSync(join(folder, name), RW, 0o600));
  if (rows === undefined || hashes === undefined) throw new AuditError('rows');
  const count = () =>
    Math.min(
      Math.floor(fstatSync(rows).size / ROW_BYTES),
      leavesOf(Math.floor(fstatSync(hashes).size / HASH_BYTES)),
    );
  const row = (index: number): EntryRow => {
    const bytes = readAt(rows, index * ROW_BYTES, ROW_BYTES);
    return {
      endsAt: Number(bytes.readBigUInt64BE(0)),
      uuid: bytes.subarray(UUID_AT, UUID_AT + 16),
      kind: EVENT_KINDS[bytes[KIND_AT] ?? 0] ?? 'opened',
    };
  };
  return {
    ...{ count, row },
    hash: (at) => readAt(hashes, at * HASH_BYTES, HASH_BYTES),
    cutTo: (size) => {
      ftruncateSync(rows, size * ROW_BYTES);
      ftruncateSync(hashes, storedCount(size) * HASH_BYTES);
    },
    append: (from, more, moreHashes) => {
      writeAll(rows, Buffer.concat(more.map(bytesOf)), from * ROW_BYTES);
      writeAll(hashes, Buffer.concat(moreHashes), storedCount(from) * HASH_BYTES);
    },
    findLast: async (uuid, kinds, first) => {
      for (let end = count(); end > first; end -= SEARCH_ROWS) {
        await setImmediate();
        const from = Math.max(first, end - SEARCH_ROWS);
        const bytes = readAt(rows, from * ROW_BYTES, (end - from) * ROW_BYTES);
        for (let at = bytes.lastIndexOf(uuid); at >= 0; at = bytes.lastIndexOf(uuid, at - 1)) {
          const kind = EVENT_KINDS[bytes[at - UUID_AT + KIND_AT] ?? 0];
          const isRow = at % ROW_BYTES === UUID_AT && kind !== undefined && kinds.includes(kind);
          if (isRow) return from + Math.floor(at / ROW_BYTES);
          if (at === 0) break;
        }
      }
      return undefined;
    },
    [Symbol.dispose]: () => {
      closeSync(rows);
      closeSync(hashes);
    },
  };
}

/** Read and write, made where it is not there, never cut by opening it (O_RDWR | O_CREAT). */
const RW = 0o2 | 0o100;

function bytesOf({ endsAt, uuid, kind }: EntryRow): Buffer {
  const bytes = Buffer.alloc(ROW_BYTES);
  bytes.writeBigUInt64BE(BigInt(endsAt), 0);
  uuid.copy(bytes, UUID_AT);
  bytes[KIND_AT] = EVENT_KINDS.indexOf(kind);
  return bytes;
}

/** The size of the largest tree that has no more hashes than these. */
function leavesOf(count: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (storedCount(middle) <= count) low = middle;
    else high = middle - 1;
  }
  return low;
}

function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const got = readSync(file, bytes, read, length - read, at + read);
    if (got === 0) throw new AuditError('the files beside the audit log end too early');
    read += got;
  }
  return bytes;
}

/** All of it, or it throws: write(2) may take less than it was given. */
export function writeAll(file: number, bytes: Uint8Array, at: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(file, bytes, written, bytes.length - written, at + written);
  }
}
