import { AuditError } from '../audit-error.js';
import type { Signer, Verifier } from './key.js';

const BYTES_MAX = 64 * 1024;
const SIGNATURES_MAX = 16;
const ID_BYTES = 4;

/** C2SP signed-note: a text, an empty line, and a line for each signature. */
export function signNote(text: string, signers: readonly Signer[]): string {
  const lines = signers.map((signer) => {
    const signature = signer.sign(Buffer.from(text));
    const coded = Buffer.concat([Buffer.from(signer.id, 'hex'), signature]).toString('base64');
    return `— ${signer.name} ${coded}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

export interface SignedNote {
  /** With its last line break. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly bytes: Buffer;
}

/** Reads a note; whose signatures hold is another question. @throws AuditError */
export function parseNote(note: string): SignedNote {
  const cut = note.lastIndexOf('\n\n');
  if (note.length > BYTES_MAX || cut < 0 || !note.endsWith('\n')) throw new AuditError(NO_NOTE);
  const lines = note.slice(cut + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) throw new AuditError('a note has too many signatures');
  return { text: note.slice(0, cut + 1), signatures: lines.map(signatureOf) };
}

const NO_NOTE = 'this is no signed note: a text, an empty line, then "— name signature" lines';

function signatureOf(line: string): NoteSignature {
  const [, name = '', coded = ''] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
  const bytes = Buffer.from(coded, 'base64');
  if (name === '' || bytes.length <= ID_BYTES) throw new AuditError(NO_NOTE);
  return { name, id: bytes.toString('hex', 0, ID_BYTES), bytes: bytes.subarray(ID_BYTES) };
}

/** The first of these keys that signed it; signatures of others are passed over. */
export function signedBy<T extends Verifier>(
  { text, signatures }: SignedNote,
  verifiers: readonly T[],
): T | undefined {
  const bytes = Buffer.from(text);
  return verifiers.find((verifier) =>
    signatures.some(
      ({ name, id, bytes: signature }) =>
        name === verifier.name && id === verifier.id && verifier.verify(bytes, signature),
    ),
  );
}
