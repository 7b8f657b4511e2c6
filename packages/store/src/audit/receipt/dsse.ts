import { AuditError } from '../audit-error.js';
import type { Signer, Verifier } from '../note/key.js';

/** DSSE v1: what is signed is the type and the bytes, each with its length before it. */
export interface Envelope {
  readonly payloadType: string;
  /** Base64, as are signatures. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export function seal(payloadType: string, payload: Buffer, signer: Signer): Envelope {
  const sig = signer.sign(preAuthenticated(payloadType, payload)).toString('base64');
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: keyId(signer), sig }],
  };
}

/** @returns the bytes and who of these signed them; no signer where it is none of them */
export function unseal(
  { payloadType, payload, signatures }: Envelope,
  verifiers: readonly Verifier[],
): { readonly payload: Buffer; readonly signer: Verifier | undefined } {
  const bytes = Buffer.from(payload, 'base64');
  const text = preAuthenticated(payloadType, bytes);
  const signer = verifiers.find((verifier) =>
    signatures.some(
      ({ keyid, sig }) =>
        keyid === keyId(verifier) && verifier.verify(text, Buffer.from(sig, 'base64')),
    ),
  );
  return { payload: bytes, signer };
}

/** @throws AuditError */
export function parseEnvelope(text: string): Envelope {
  try {
    const { payloadType, payload, signatures }: Partial<Envelope> = JSON.parse(text);
    const isEnvelope =
      typeof payloadType === 'string' &&
      typeof payload === 'string' &&
      Array.isArray(signatures) &&
      signatures.every((each) => typeof each?.keyid === 'string' && typeof each?.sig === 'string');
    if (isEnvelope) return { payloadType, payload, signatures };
  } catch {
    // Told below.
  }
  throw new AuditError('this is no DSSE envelope: payloadType, payload and signatures');
}

/** PAE of the specification. */
export function preAuthenticated(type: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

function keyId({ name, id }: Verifier): string {
  return `${name}+${id}`;
}
