import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { AuditError } from '../audit-error.js';
import { parseCheckpoint } from '../note/checkpoint.js';
import type { Signer } from '../note/key.js';
import { signedBy } from '../note/note.js';
import { type Growing, leafHash } from '../tree/hash.js';
import { storedTree } from '../tree/stored.js';
import { type AuditEntry, entryOf, uuidOf } from './entry.js';
import type { EntryRow, Rows } from './rows.js';

const READ_BYTES = 1024 * 1024;

export interface Recovered {
  readonly tree: Growing;
  readonly bytes: number;
  /** Of the last entry, milliseconds since 1970. */
  readonly lastAtMs: number;
  /** What a killed process left half written, and was cut off. */
  readonly cutBytes: number;
}

export interface RecoverOptions {
  readonly file: string;
  readonly rows: Rows;
  readonly latest: string | undefined;
  readonly signers: readonly Signer[];
}

/**
 * Brings the files beside the log up to it, and cuts off a torn end. What is signed has to be
 * there, as it was: a log that differs is not gone on with.
 * @throws AuditError
 */
export function recover({ file, rows, latest, signers }: RecoverOptions): Recovered {
  const signed = latest === undefined ? undefined : checkpointOf(latest, signers);
  const size = signed?.size ?? 0;
  const fits = rows.count() >= size && (size === 0 || isRoot(rows, size, signed?.root));
  rows.cutTo(fits ? size : 0);
  const recovered = follow(file, rows);
  if (signed !== undefined) {
    if (recovered.tree.size < size) throw new AuditError(shorter(file, recovered.tree.size, size));
    if (!isRoot(rows, size, signed.root)) throw new AuditError(different(file, size));
  }
  return recovered;
}

function checkpointOf(note: string, signers: readonly Signer[]) {
  const checkpoint = parseCheckpoint(note);
  if (signedBy(checkpoint.note, signers) !== undefined) return checkpoint;
  throw new AuditError("the audit log's last checkpoint is not signed by its key");
}

function isRoot(rows: Rows, size: number, root: Buffer | undefined): boolean {
  return root !== undefined && storedTree(size, rows.hash).root().equals(root);
}

/** Reads what the rows do not have yet. */
function follow(file: string, rows: Rows): Recovered {
  const known = rows.count();
  const tree = storedTree(known, rows.hash);
  const from = known === 0 ? 0 : rows.row(known - 1).endsAt;
  const log = openSync(file, 'a+', 0o600);
  try {
    if (fstatSync(log).size < from) throw new AuditError(cut(file, known));
    let end = from;
    let lastAtMs = known === 0 ? 0 : atOf(lastEntry(log, rows, known));
    for (const { line, endsAt } of linesFrom(log, from)) {
      const entry = entryOf(line);
      if (entry === undefined || entry.index !== tree.size) break;
      const row: EntryRow = { endsAt, uuid: uuidOf(entry.execution_id), kind: entry.kind };
      rows.append(tree.size, [row], tree.append(leafHash(line)));
      end = endsAt;
      lastAtMs = Math.max(lastAtMs, atOf(entry));
    }
    const cutBytes = fstatSync(log).size - end;
    if (cutBytes > 0) ftruncateSync(log, end);
    return { tree, bytes: end, lastAtMs, cutBytes: Math.max(0, cutBytes) };
  } finally {
    closeSync(log);
  }
}

function lastEntry(log: number, rows: Rows, known: number): AuditEntry | undefined {
  const from = known === 1 ? 0 : rows.row(known - 2).endsAt;
  const [first] = linesFrom(log, from);
  return first && entryOf(first.line);
}

function atOf(entry: AuditEntry | undefined): number {
  return Date.parse(entry?.at ?? '') || 0;
}

interface Line {
  readonly line: Buffer;
  /** Behind its line break. */
  readonly endsAt: number;
}

/** The whole lines of a file from there on. */
export function* linesFrom(file: number, from: number): Generator<Line> {
  let rest = Buffer.alloc(0);
  let restAt = from;
  for (;;) {
    const chunk = Buffer.alloc(READ_BYTES);
    const got = readSync(file, chunk, 0, READ_BYTES, restAt + rest.length);
    if (got === 0) return;
    const bytes = Buffer.concat([rest, chunk.subarray(0, got)]);
    let begin = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, begin)) {
      yield { line: bytes.subarray(begin, at), endsAt: restAt + at + 1 };
      begin = at + 1;
    }
    rest = bytes.subarray(begin);
    restAt += begin;
  }
}

const REMEDY =
  'gozo audit verify says where. Keep the folder for whoever looks into it, and move it away: ' +
  'the next start begins a new log';

function cut(file: string, known: number): string {
  return `${file} ends before its entry ${known - 1} does: it was cut. ${REMEDY}`;
}

function shorter(file: string, size: number, signed: number): string {
  return `${file} has ${size} entries, and ${signed} were signed. ${REMEDY}`;
}

function different(file: string, size: number): string {
  return `${file} is not what was signed: one of its first ${size} entries differs. ${REMEDY}`;
}
