import { EMPTY_ROOT, type Growing, growingTree, nodeHash } from './hash.js';

/** Gives one hash of those that are stored in the order in which they were made. */
export type ReadHash = (at: number) => Buffer;

/**
 * Where the hash of the `n`th complete part of `2^level` leaves stands among all that appending
 * makes, in order (as golang.org/x/mod/sumdb/tlog has it): a proof needs a few reads, no rehashing.
 */
export function storedAt(level: number, n: number): number {
  let last = n;
  for (let up = level; up > 0; up -= 1) last = 2 * last + 1;
  let at = 0;
  for (let rest = last; rest > 0; rest = Math.floor(rest / 2)) at += rest;
  return at + level;
}

/** How many hashes there are of a tree of that size. */
export function storedCount(size: number): number {
  if (size === 0) return 0;
  let count = storedAt(0, size - 1) + 1;
  for (let rest = size - 1; rest % 2 === 1; rest = Math.floor(rest / 2)) count += 1;
  return count;
}

/** The tree of that size, ready to grow. */
export function storedTree(size: number, read: ReadHash): Growing {
  return growingTree(
    partsOf(0, size).map(({ level, n }) => ({
      leaves: 2 ** level,
      hash: read(storedAt(level, n)),
    })),
  );
}

/** Hash of the leaves from `from` to `to`, where `from` begins a part that is larger than that. */
function rangeHash(from: number, to: number, read: ReadHash): Buffer {
  const hashes = partsOf(from, to).map(({ level, n }) => read(storedAt(level, n)));
  const last = hashes.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** The complete parts of a range, largest first. */
function partsOf(from: number, to: number): readonly { level: number; n: number }[] {
  const parts: { level: number; n: number }[] = [];
  for (let at = from; at < to; ) {
    const level = Math.floor(Math.log2(to - at));
    parts.push({ level, n: at / 2 ** level });
    at += 2 ** level;
  }
  return parts;
}

/** RFC 6962 §2.1.1: the hashes that lead from a leaf to the root of the tree of that size. */
export function inclusionProof(index: number, size: number, read: ReadHash): readonly Buffer[] {
  const proof: Buffer[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const cut = from + largestBelow(to - from);
    if (index < cut) {
      proof.unshift(rangeHash(cut, to, read));
      to = cut;
    } else {
      proof.unshift(rangeHash(from, cut, read));
      from = cut;
    }
  }
  return proof;
}

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Uint8Array[];
}

/** @returns the root that the proof leads to; undefined where it is no proof of that place. */
export function rootByProof(leaf: Buffer, { index, size, proof }: Inclusion): Buffer | undefined {
  if (!(Number.isSafeInteger(size) && Number.isSafeInteger(index))) return undefined;
  if (index < 0 || index >= size) return undefined;
  const turns: ('left' | 'right')[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const cut = from + largestBelow(to - from);
    turns.unshift(index < cut ? 'right' : 'left');
    if (index < cut) to = cut;
    else from = cut;
  }
  if (turns.length !== proof.length) return undefined;
  let hash = leaf;
  for (const [at, other] of proof.entries()) {
    hash = turns[at] === 'left' ? nodeHash(other, hash) : nodeHash(hash, other);
  }
  return hash;
}

/** The largest power of two that is smaller than `count`, which is at least 2. */
function largestBelow(count: number): number {
  return 2 ** (Math.ceil(Math.log2(count)) - 1);
}
