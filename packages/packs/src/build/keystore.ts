import { createHash } from 'node:crypto';

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const TRUSTED_CERTIFICATE = 2;
const DIGEST_BYTES = 20;
/** Java's own for certificates that are no secret. */
const PASSWORD = 'changeit';
/** What sun.security.provider.JavaKeyStore whitens its digest with. */
const WHITENER = 'Mighty Aphrodite';

/**
 * A JKS file of trusted certificates with one time for all, in the place of the moment at which
 * Debian's script made each: the one thing that differs between two builds of a JRE.
 * @returns undefined where it is none that we know; it is left as it is then
 */
export function levelKeystore(bytes: Buffer, time: Date): Buffer | undefined {
  const body = Buffer.from(bytes.subarray(0, -DIGEST_BYTES));
  if (body.length < 12 || body.readUInt32BE(0) !== MAGIC || body.readUInt32BE(4) !== VERSION) {
    return undefined;
  }
  if (!digestOf(body).equals(bytes.subarray(-DIGEST_BYTES))) return undefined;
  let at = 12;
  for (let left = body.readUInt32BE(8); left > 0; left -= 1) {
    if (body.readUInt32BE(at) !== TRUSTED_CERTIFICATE) return undefined;
    at += 4;
    at += 2 + body.readUInt16BE(at); // the alias
    body.writeBigUInt64BE(BigInt(time.getTime()), at);
    at += 8;
    at += 2 + body.readUInt16BE(at); // the kind of certificate
    at += 4 + body.readUInt32BE(at);
  }
  return at === body.length ? Buffer.concat([body, digestOf(body)]) : undefined;
}

function digestOf(body: Buffer): Buffer {
  const hash = createHash('sha1');
  // Java's characters have two bytes, the high one first.
  hash.update(Buffer.from(PASSWORD, 'utf16le').swap16());
  return hash.update(WHITENER).update(body).digest();
}
