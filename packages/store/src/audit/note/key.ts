import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { AuditError } from '../audit-error.js';

/** C2SP signed-note: the kind of an Ed25519 key. */
const ED25519 = 1;
const KEY_BYTES = 32;
const ID_BYTES = 4;
/** RFC 8410: what stands before the 32 bytes of a key in DER. */
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');

/** Who signed: `<name>+<id>+<key>`, as it is published (C2SP signed-note, "vkey"). */
export interface Verifier {
  readonly name: string;
  /** Four bytes in hex. */
  readonly id: string;
  readonly vkey: string;
  verify(text: Uint8Array, signature: Uint8Array): boolean;
}

export interface Signer extends Verifier {
  /** `PRIVATE+KEY+<name>+<id>+<key>`, as Go's sumdb/note has it. */
  readonly skey: string;
  sign(text: Uint8Array): Buffer;
}

export function makeSigner(name: string): Signer {
  const { privateKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  return signerOf(name, der.subarray(PRIVATE_DER.length));
}

/** @throws AuditError where it is no such text */
export function parseSigner(skey: string): Signer {
  const [, name = '', id, key = ''] =
    /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(skey) ?? [];
  const seed = keyBytes(key);
  const signer = seed && signerOf(name, seed);
  if (signer === undefined || signer.id !== id) throw new AuditError('this is no signing key');
  return signer;
}

/** @throws AuditError where it is no such text */
export function parseVerifier(vkey: string): Verifier {
  const [, name = '', id, key = ''] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? [];
  const bytes = keyBytes(key);
  const verifier = bytes && verifierOf(name, bytes);
  if (verifier === undefined || verifier.id !== id) {
    throw new AuditError(`"${vkey.slice(0, 200)}" is no key: <name>+<8 hex digits>+<base64>`);
  }
  return verifier;
}

function keyBytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes[0] !== ED25519 || bytes.length !== 1 + KEY_BYTES) return undefined;
  return bytes.toString('base64') === text ? bytes.subarray(1) : undefined;
}

function signerOf(name: string, seed: Buffer): Signer {
  const der = Buffer.concat([PRIVATE_DER, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicDer = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const verifier = verifierOf(name, publicDer.subarray(PUBLIC_DER.length));
  const coded = Buffer.concat([Buffer.of(ED25519), seed]).toString('base64');
  return {
    ...verifier,
    skey: `PRIVATE+KEY+${name}+${verifier.id}+${coded}`,
    sign: (text) => sign(null, text, key),
  };
}

function verifierOf(name: string, bytes: Buffer): Verifier {
  const coded = Buffer.concat([Buffer.of(ED25519), bytes]);
  const hash = createHash('sha256').update(`${name}\n`).update(coded).digest();
  const id = hash.subarray(0, ID_BYTES).toString('hex');
  const key: KeyObject = createPublicKey({
    key: Buffer.concat([PUBLIC_DER, bytes]),
    ...{ format: 'der', type: 'spki' },
  });
  return {
    ...{ name, id, vkey: `${name}+${id}+${coded.toString('base64')}` },
    verify: (text, signature) => verify(null, text, key, signature),
  };
}
