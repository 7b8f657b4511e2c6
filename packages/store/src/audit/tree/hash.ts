import { createHash } from 'node:crypto';

/** RFC 6962 §2.1: a leaf and a node can't be taken for each other. */
const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);
export const HASH_BYTES = 32;
export const EMPTY_ROOT = createHash('sha256').digest();

export function leafHash(leaf: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(leaf).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/** A tree that only grows, by the roots of its complete parts: a few hashes however large it is. */
export interface Growing {
  readonly size: number;
  /** @returns the leaf's hash and those of the parts that it completes, from below */
  append(leaf: Buffer): readonly Buffer[];
  root(): Buffer;
  copy(): Growing;
}

interface Part {
  readonly leaves: number;
  readonly hash: Buffer;
}

export function growingTree(parts: readonly Part[] = []): Growing {
  let stack = [...parts];
  let size = parts.reduce((sum, { leaves }) => sum + leaves, 0);
  return {
    get size() {
      return size;
    },
    append: (leaf) => {
      const made = [leaf];
      let part: Part = { leaves: 1, hash: leaf };
      for (let left = stack.at(-1); left?.leaves === part.leaves; left = stack.at(-1)) {
        stack = stack.slice(0, -1);
        part = { leaves: 2 * part.leaves, hash: nodeHash(left.hash, part.hash) };
        made.push(part.hash);
      }
      stack = [...stack, part];
      size += 1;
      return made;
    },
    root: () => {
      const last = stack.at(-1);
      if (last === undefined) return EMPTY_ROOT;
      return stack.slice(0, -1).reduceRight((right, { hash }) => nodeHash(hash, right), last.hash);
    },
    copy: () => growingTree(stack),
  };
}
