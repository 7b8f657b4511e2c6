import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../audit-error.js';
import { readHistory } from '../log/checkpoints.js';
import { publicKeyFile } from '../log/keys.js';
import { linesFrom } from '../log/recover.js';
import { parseCheckpoint } from '../note/checkpoint.js';
import { HASH_BYTES } from '../tree/hash.js';
import { storedAt } from '../tree/stored.js';

/** The folders of the logs of one folder of data. */
export function auditFolders(dataFolder: string): readonly string[] {
  if (!existsSync(dataFolder)) return [];
  return readdirSync(dataFolder)
    .filter((name) => /^audit(-[2-9])?$/.test(name))
    .map((name) => join(dataFolder, name))
    .filter((folder) => existsSync(join(folder, 'log')))
    .sort();
}

/**
 * A log as NDJSON: a head with its keys, the entries as they were signed, byte for byte, and each
 * checkpoint that was kept behind the last entry that it is of. `leaves` are the hashes of the
 * entries since the one before: where a root differs, they tell which entry it is.
 */
export function* exportLog(folder: string): Generator<Buffer> {
  const file = join(folder, 'log');
  if (!existsSync(file)) throw new AuditError(`there is no audit log in ${folder}`);
  const keys = readKeys(publicKeyFile(folder));
  yield jsonLine({ audit_log: keys[0]?.split('+')[0] ?? '', keys });
  // Read first: what is signed later than this is not in the lines that are read below.
  const checkpoints = keptCheckpoints(folder);
  const log = openSync(file, 'r');
  const hashes = existsSync(join(folder, 'hashes'))
    ? openSync(join(folder, 'hashes'), 'r')
    : undefined;
  try {
    let [size, told] = [0, 0];
    const due = function* (): Generator<Buffer> {
      for (let next = checkpoints[0]; next?.size === size; next = checkpoints[0]) {
        const leaves = hashes === undefined ? undefined : readLeaves(hashes, told, size);
        yield jsonLine({ checkpoint: next.note, ...(leaves && { leaves }) });
        told = size;
        checkpoints.shift();
      }
    };
    yield* due();
    for (const { line } of linesFrom(log, 0)) {
      yield line;
      size += 1;
      yield* due();
    }
    // Of entries that are not there any more.
    for (const { note } of checkpoints) yield jsonLine({ checkpoint: note });
  } finally {
    closeSync(log);
    if (hashes !== undefined) closeSync(hashes);
  }
}

export function readKeys(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function jsonLine(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function keptCheckpoints(folder: string): { size: number; note: string }[] {
  const latest = join(folder, 'checkpoint');
  const notes = [
    ...readHistory(join(folder, 'checkpoints')),
    ...(existsSync(latest) ? [readFileSync(latest, 'utf8')] : []),
  ];
  return [...new Set(notes)]
    .map((note) => ({ size: sizeOf(note), note }))
    .sort((left, right) => left.size - right.size);
}

/** What can't be read stands at the end, for the one who verifies. */
function sizeOf(note: string): number {
  try {
    return parseCheckpoint(note).size;
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}

function readLeaves(hashes: number, from: number, to: number): string | undefined {
  const leaves = Buffer.alloc((to - from) * HASH_BYTES);
  const stored = Math.floor(fstatSync(hashes).size / HASH_BYTES);
  for (let index = from; index < to; index += 1) {
    const at = storedAt(0, index);
    if (at >= stored) return undefined;
    readSync(hashes, leaves, (index - from) * HASH_BYTES, HASH_BYTES, at * HASH_BYTES);
  }
  return leaves.toString('base64');
}
