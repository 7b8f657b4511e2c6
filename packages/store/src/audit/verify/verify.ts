import { AuditError } from '../audit-error.js';
import { type AuditEntry, entryOf } from '../log/entry.js';
import { type Checkpoint, parseCheckpoint } from '../note/checkpoint.js';
import type { SignedNote } from '../note/note.js';
import { type Growing, growingTree, HASH_BYTES, leafHash } from '../tree/hash.js';
import { compareLeaves, type Placed } from './compare.js';
import { type Trust, trustIn } from './trust.js';

export interface VerifyOptions {
  /** Whose signatures count; none: those that the export itself names. */
  readonly vkeys: readonly string[];
  /** Signed notes that were kept elsewhere. */
  readonly since: readonly string[];
}

export interface VerifyReport {
  readonly log: string;
  readonly entries: number;
  /** So many entries, from the first on, are those that a checkpoint of these keys is of. */
  readonly vouched: number;
  readonly checkpoints: number;
  /** Passed over: signed by none of the keys. */
  readonly unknown: number;
  /** The keys that count at the end. */
  readonly keys: readonly string[];
  /** Whether these were given, and not taken from what is verified. */
  readonly isKeyGiven: boolean;
  /** What is not as it was written, and where. */
  readonly findings: readonly string[];
}

/** Further ones are more of the same. */
const FINDINGS_MAX = 50;

interface Checking {
  readonly trust: Trust;
  readonly findings: string[];
  /** Since the last root that was right. */
  placed: Placed[];
  tree: Growing;
  /** As the export says that the leaves are; undefined where it does not. */
  hints: Growing | undefined;
  hinted: Buffer[];
  line: number;
  expected: number;
  entries: number;
  lastAt: string;
  vouched: number;
  checkpoints: number;
  unknown: number;
  rotations: { readonly index: number; readonly from: string; readonly to: string }[];
}

/** Reads an export from end to end, offline. @throws AuditError where a key or note is none */
export async function verifyExport(
  lines: AsyncIterable<Buffer> | Iterable<Buffer>,
  { vkeys, since }: VerifyOptions,
): Promise<VerifyReport> {
  let state: Checking | undefined;
  let log = '';
  const wanted = since.map(parseCheckpoint);
  const roots = new Map<number, Buffer>();
  for await (const line of lines) {
    if (state === undefined) {
      const head = headOf(line);
      log = head.audit_log;
      state = begin(trustIn(vkeys.length > 0 ? vkeys : head.keys));
      noteRoots(state, wanted, roots);
      continue;
    }
    state.line += 1;
    const checkpoint = checkpointIn(line);
    if (checkpoint !== undefined) check(state, checkpoint);
    else {
      add(state, line);
      noteRoots(state, wanted, roots);
    }
  }
  if (state === undefined) throw new AuditError('there is nothing to verify');
  for (const each of wanted) checkSince(state, each, roots.get(each.size));
  return reportOf(state, log, vkeys.length > 0);
}

function begin(trust: Trust): Checking {
  return {
    ...{ trust, findings: [], placed: [], hinted: [], rotations: [] },
    ...{ tree: growingTree(), hints: growingTree(), line: 1, expected: 0, entries: 0 },
    ...{ lastAt: '', vouched: 0, checkpoints: 0, unknown: 0 },
  };
}

function headOf(line: Buffer): { readonly audit_log: string; readonly keys: readonly string[] } {
  try {
    const { audit_log: log, keys } = JSON.parse(line.toString('utf8'));
    if (typeof log === 'string' && Array.isArray(keys)) return { audit_log: log, keys };
  } catch {
    // Told below.
  }
  throw new AuditError('its first line is not the head of an audit log, as gozo audit export has');
}

interface CheckpointLine {
  readonly checkpoint: string;
  readonly leaves?: string;
}

function checkpointIn(line: Buffer): CheckpointLine | undefined {
  if (!line.subarray(0, 14).equals(CHECKPOINT)) return undefined;
  try {
    const { checkpoint, leaves }: Partial<CheckpointLine> = JSON.parse(line.toString('utf8'));
    if (typeof checkpoint !== 'string') return undefined;
    return { checkpoint, ...(typeof leaves === 'string' ? { leaves } : {}) };
  } catch {
    return undefined;
  }
}

const CHECKPOINT = Buffer.from('{"checkpoint":');

function add(state: Checking, line: Buffer): void {
  const entry = entryOf(line);
  const at = `line ${state.line}`;
  if (entry === undefined) find(state, `${at}: this is no entry`);
  else checkPlace(state, entry, at);
  const leaf = leafHash(line);
  state.placed.push({ leaf, line: state.line, index: entry?.index ?? state.entries });
  state.tree.append(leaf);
  state.entries += 1;
  if (entry?.kind === 'key-rotated') {
    const { index, from, to } = entry;
    if (typeof from === 'string' && typeof to === 'string')
      state.rotations.push({ index, from, to });
  }
}

function checkPlace(state: Checking, { index, at: time }: AuditEntry, at: string): void {
  const { expected } = state;
  if (index > expected) {
    const last = index - 1;
    const which = last === expected ? `entry ${last} is` : `entries ${expected} to ${last} are`;
    find(state, `${at}: ${which} missing: removed, or moved elsewhere`);
  } else if (index < expected) {
    find(state, `${at}: entry ${index} stands behind entry ${expected - 1}: moved, or added`);
  } else if (time < state.lastAt) {
    find(state, `${at}: entry ${index} is older than the one before it`);
  }
  state.expected = index + 1;
  state.lastAt = time;
}

function check(state: Checking, { checkpoint: text, leaves }: CheckpointLine): void {
  hint(state, leaves);
  const checkpoint = readCheckpoint(state, text);
  if (checkpoint === undefined) return;
  const { size, root, note } = checkpoint;
  switch (state.trust.judge(note)) {
    case 'unknown':
      state.unknown += 1;
      return;
    case 'forged':
      find(state, `line ${state.line}: the checkpoint of ${size} entries has a forged signature`);
      return;
    case 'signed':
      state.checkpoints += 1;
  }
  if (size === state.entries && state.tree.root().equals(root)) vouch(state, size);
  else blame(state, checkpoint);
}

function readCheckpoint(
  state: Checking,
  text: string,
): (Checkpoint & { readonly note: SignedNote }) | undefined {
  try {
    return parseCheckpoint(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    find(state, `line ${state.line}: ${reason}`);
    return undefined;
  }
}

function hint(state: Checking, leaves: string | undefined): void {
  const bytes = Buffer.from(leaves ?? '', 'base64');
  if (leaves === undefined || bytes.length % HASH_BYTES !== 0) {
    state.hints = undefined;
    return;
  }
  for (let at = 0; at < bytes.length; at += HASH_BYTES) {
    const leaf = bytes.subarray(at, at + HASH_BYTES);
    state.hints?.append(leaf);
    state.hinted.push(leaf);
  }
}

/** All up to here is right: a key that was signed in counts from now on. */
function vouch(state: Checking, size: number): void {
  state.vouched = size;
  state.placed = [];
  state.hinted = [];
  for (const { index, from, to } of state.rotations)
    if (index < size) state.trust.replace(from, to);
  state.rotations = state.rotations.filter(({ index }) => index >= size);
}

/** Says where, as exactly as can be told. What comes behind is checked on as if it were mended. */
function blame(state: Checking, { size, root }: Checkpoint): void {
  const { hints, hinted, placed, vouched } = state;
  if (hints?.size === size && hints.root().equals(root)) {
    for (const finding of compareLeaves(hinted, placed, size - hinted.length)) find(state, finding);
    state.tree = hints.copy();
    state.entries = size;
    state.expected = size;
    state.placed = [];
    state.hinted = [];
    return;
  }
  const where = `entries ${vouched} to ${size - 1}`;
  if (state.entries < size) {
    const gone = `the log ends behind entry ${state.entries - 1}: it was cut`;
    find(state, `line ${state.line}: a checkpoint is of ${size} entries, and ${gone}`);
  } else {
    find(state, `line ${state.line}: ${where} are not those that were signed: one was changed`);
  }
}

function noteRoots(
  { entries, tree }: Checking,
  wanted: readonly Checkpoint[],
  roots: Map<number, Buffer>,
): void {
  if (wanted.some(({ size }) => size === entries)) roots.set(entries, tree.root());
}

function checkSince(
  state: Checking,
  { size, root, note }: Checkpoint & { readonly note: SignedNote },
  found: Buffer | undefined,
): void {
  if (!state.trust.wasSigned(note)) {
    find(state, `the checkpoint of ${size} entries that was given is signed by none of the keys`);
  } else if (found === undefined) {
    const has = `it has ${state.entries}`;
    find(state, `the log was cut: the checkpoint that was given is of ${size} entries, and ${has}`);
  } else if (!found.equals(root)) {
    find(state, `the first ${size} entries are not those of the checkpoint that was given`);
  }
}

function find({ findings }: Checking, finding: string): void {
  if (findings.length < FINDINGS_MAX) findings.push(finding);
}

function reportOf(state: Checking, log: string, isKeyGiven: boolean): VerifyReport {
  const { entries, vouched, checkpoints, unknown, findings } = state;
  const keys = state.trust.keys().map(({ vkey }) => vkey);
  return { log, entries, vouched, checkpoints, unknown, keys, isKeyGiven, findings };
}
