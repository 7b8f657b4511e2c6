import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../audit-error.js';
import { parseCheckpoint } from '../note/checkpoint.js';
import type { Signer } from '../note/key.js';
import { inclusionProof } from '../tree/stored.js';
import { openCheckpoints } from './checkpoints.js';
import { type CommitOptions, type Commits, committing, type State } from './commits.js';
import {
  type AuditEntry,
  type AuditEvent,
  type EventKind,
  entryOf,
  lineOf,
  uuidOf,
} from './entry.js';
import { finishRotation, openKey, orderedKey } from './keys.js';
import { holdLog } from './lock.js';
import { recover } from './recover.js';
import { openRows, writeAll } from './rows.js';

/** `onFault`: it could not be written or signed; told once until it can. */
export interface AuditLogOptions extends CommitOptions {
  readonly dataFolder: string;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** One entry with what shows that it is in the log. */
export interface Proven {
  readonly line: Buffer;
  readonly index: number;
  readonly proof: readonly Buffer[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** An append-only file whose lines are the leaves of one RFC 6962 tree, signed as it grows. */
export interface AuditLog extends AsyncDisposable {
  readonly folder: string;
  /** Writes an entry now: the kernel has it when this returns. @returns false where it can't */
  append(event: AuditEvent): boolean;
  /** All that was appended before is on the disk and signed. Rejects where it can't be. */
  commit(): Promise<void>;
  /** Takes a key over that was ordered. */
  rotate(): Promise<void>;
  size(): number;
  /** Whether it can be written and signed, as far as it was tried. */
  isWell(): boolean;
  /** Bytes of a torn end that the start cut off. */
  readonly cutBytes: number;
  /** Executions that were admitted since the start before and have no end. */
  readonly open: readonly OpenExecution[];
  signer(): Signer;
  checkpoint(): string | undefined;
  /** The last entry of that kind of an execution, proven. */
  prove(executionId: string, kinds: readonly EventKind[]): Promise<Proven | undefined>;
}

/** As it was admitted. */
export interface OpenExecution {
  readonly id: string;
  readonly tenant: string | undefined;
  readonly requestId: string | undefined;
  /** Of the policy that it was admitted under, and of what it was asked with. */
  readonly policy: string | undefined;
  readonly digests: Readonly<Record<string, string>>;
}

/** @throws AuditError where what is there is not what was signed, or can't be used */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const held = await holdLog(options.dataFolder);
  try {
    return logIn(held, options);
  } catch (error) {
    held[Symbol.dispose]();
    if (error instanceof AuditError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AuditError(`the audit log can't be opened: ${reason}`, { cause: error });
  }
}

function logIn(held: Disposable & { folder: string }, options: AuditLogOptions): AuditLog {
  const { folder } = held;
  const signer = openKey(folder);
  const next = orderedKey(folder);
  const checkpoints = openCheckpoints(folder, options.nowMs);
  const rows = openRows(folder);
  const file = join(folder, 'log');
  const signers = next === undefined ? [signer] : [signer, next];
  const latest = checkpoints.latest();
  const { tree, bytes, lastAtMs, cutBytes } = recover({ file, rows, latest, signers });
  const state: State = {
    ...{ file: openSync(file, 'r+'), rows, checkpoints, tree, bytes, lastAtMs },
    ...{ waiting: [], signer, isUnwritten: false, isUnsigned: false },
  };
  const commits = committing(state, options);
  return {
    ...{ folder, cutBytes, open: openExecutions(state) },
    size: () => state.tree.size + state.waiting.length,
    isWell: () => !state.isUnwritten && !state.isUnsigned,
    signer: () => state.signer,
    checkpoint: () => checkpoints.latest(),
    append: (event) => {
      const isWritten = tryAppend(state, options, event);
      if (isWritten) commits.soon();
      return isWritten;
    },
    commit: () => commits.now(),
    rotate: () =>
      rotate(state, { folder, append: (event) => tryAppend(state, options, event), commits }),
    prove: async (executionId, kinds) => {
      await commits.now();
      const uuid = uuidOf(executionId);
      const index = await rows.findLast(uuid, kinds, firstSince(state, madeAt(uuid)));
      // What was found may be younger than what was signed before.
      await commits.now();
      const checkpoint = checkpoints.latest();
      if (index === undefined || checkpoint === undefined) return undefined;
      const { size } = parseCheckpoint(checkpoint);
      const proof = inclusionProof(index, size, rows.hash);
      return { line: readLine(state, index), index, proof, checkpoint };
    },
    [Symbol.asyncDispose]: async () => {
      await commits.end();
      closeSync(state.file);
      rows[Symbol.dispose]();
      held[Symbol.dispose]();
    },
  };
}

function tryAppend(state: State, { nowMs, onFault }: AuditLogOptions, event: AuditEvent): boolean {
  const atMs = Math.max(nowMs(), state.lastAtMs);
  const index = state.tree.size + state.waiting.length;
  const line = lineOf(index, new Date(atMs).toISOString(), event);
  try {
    writeAll(state.file, line, state.bytes);
  } catch (error) {
    // What was written of it is no line, and the next one begins where it did.
    cutTo(state);
    if (!state.isUnwritten) onFault(error);
    state.isUnwritten = true;
    return false;
  }
  state.isUnwritten = false;
  state.bytes += line.length;
  state.lastAtMs = atMs;
  const { kind, execution_id: execution } = event;
  state.waiting.push({ endsAt: state.bytes, kind, execution, line: line.subarray(0, -1) });
  return true;
}

function cutTo({ file, bytes }: State): void {
  try {
    ftruncateSync(file, bytes);
  } catch {
    // The start cuts it, or the next line is written over it.
  }
}

interface Rotating {
  readonly folder: string;
  readonly append: (event: AuditEvent) => boolean;
  readonly commits: Commits;
}

/** The old key signs that it is the new one that signs from now on; the new one signs it too. */
async function rotate(state: State, { folder, append, commits }: Rotating): Promise<void> {
  const next = orderedKey(folder);
  if (next === undefined || next.id === state.signer.id) return;
  const old = state.signer;
  if (!append({ kind: 'key-rotated', from: old.vkey, to: next.vkey })) return;
  await commits.now([next]);
  finishRotation(folder, next);
  state.signer = next;
}

/** The first entry that is not older: an execution has none before it was made. */
function firstSince(state: State, sinceMs: number): number {
  let [low, high] = [0, state.tree.size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const entry = entryOf(readLine(state, middle));
    if (Date.parse(entry?.at ?? '') < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of a UUIDv7 (RFC 9562 §5.7), milliseconds since 1970. */
function madeAt(uuid: Buffer): number {
  return uuid.readUIntBE(0, 6);
}

function readLine({ file, rows }: State, index: number): Buffer {
  const from = index === 0 ? 0 : rows.row(index - 1).endsAt;
  const line = Buffer.alloc(rows.row(index).endsAt - 1 - from);
  readSync(file, line, 0, line.length, from);
  return line;
}

/** Of the last life of the log: what was let in and has no end. */
function openExecutions(state: State): readonly OpenExecution[] {
  const { rows, tree } = state;
  const ended = new Set<string>();
  const open: OpenExecution[] = [];
  for (let index = tree.size - 1; index >= 0; index -= 1) {
    const { kind, uuid } = rows.row(index);
    if (kind === 'opened') break;
    const id = uuid.toString('hex');
    if (kind === 'ended' || kind === 'interrupted') ended.add(id);
    // Refused after it was admitted: it never had a place.
    if (kind === 'refused') ended.add(id);
    if (kind === 'admitted' && !ended.has(id)) open.push(openedBy(entryOf(readLine(state, index))));
  }
  return open.reverse();
}

function openedBy(entry: AuditEntry | undefined): OpenExecution {
  const { execution_id: id = '', tenant, request_id: requestId } = entry ?? {};
  const policy = typeof entry?.policy === 'string' ? entry.policy : undefined;
  // What was written is digests by name: nothing else is.
  const digests = (entry?.digests ?? {}) as OpenExecution['digests'];
  return { id, tenant, requestId, policy, digests };
}
