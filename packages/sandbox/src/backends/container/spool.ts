import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Layer } from '../../backend.js';

const PIECE_BYTES = 256 * 1024;

/** A compile's packed output between its container and the next: a file without a name. */
export interface Spool extends Disposable {
  readonly bytes: number;
  append(bytes: Uint8Array): void;
  pieces(): Iterable<Buffer>;
}

let count = 0;

/** @throws where the folder can't be written */
export function openSpool(folder: string): Spool {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  count += 1;
  const path = join(folder, `layer-${process.pid}-${count}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path); // Whoever dies now leaves nothing.
  let bytes = 0;
  let isOpen = true;
  return {
    get bytes() {
      return bytes;
    },
    append: (piece) => {
      let at = 0;
      while (at < piece.length) {
        at += writeSync(file, piece, at, piece.length - at, bytes + at);
      }
      bytes += piece.length;
    },
    *pieces() {
      for (let at = 0; at < bytes; ) {
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, bytes - at));
        const read = readSync(file, piece, 0, piece.length, at);
        if (read === 0) throw new Error('a spool that became shorter');
        at += read;
        yield piece.subarray(0, read);
      }
    },
    [Symbol.dispose]: () => {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

/** What compiles left, by the handles that the engine has of it. */
export interface Shelf extends Disposable {
  put(spool: Spool): Layer;
  get(handle: string): Spool | undefined;
}

export function createShelf(): Shelf {
  const spools = new Map<string, Spool>();
  let handles = 0;
  return {
    put: (spool) => {
      handles += 1;
      const handle = `layer-${handles}`;
      spools.set(handle, spool);
      const free = async () => {
        spools.delete(handle);
        spool[Symbol.dispose]();
      };
      return { handle, [Symbol.asyncDispose]: free };
    },
    get: (handle) => spools.get(handle),
    [Symbol.dispose]: () => {
      for (const spool of spools.values()) spool[Symbol.dispose]();
    },
  };
}
