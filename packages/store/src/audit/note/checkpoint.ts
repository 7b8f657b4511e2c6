import { AuditError } from '../audit-error.js';
import { HASH_BYTES } from '../tree/hash.js';
import type { Signer } from './key.js';
import { parseNote, type SignedNote, signNote } from './note.js';

/** C2SP tlog-checkpoint: how large a log is, and the root of its tree. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

export function signCheckpoint(
  { origin, size, root }: Checkpoint,
  signers: readonly Signer[],
): string {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, signers);
}

/** @throws AuditError where it is none; signatures are for the caller to check */
export function parseCheckpoint(text: string): Checkpoint & { readonly note: SignedNote } {
  const note = parseNote(text);
  const [origin = '', size = '', root = ''] = note.text.split('\n');
  const hash = Buffer.from(root, 'base64');
  if (origin === '' || !/^(0|[1-9]\d{0,14})$/.test(size) || hash.length !== HASH_BYTES) {
    throw new AuditError('this note is no checkpoint: origin, size and root, each in its line');
  }
  return { origin, size: Number(size), root: hash, note };
}
