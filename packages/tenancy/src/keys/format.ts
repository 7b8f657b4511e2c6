import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** So that people and secret scanners know one when they see it. */
export const KEY_PREFIX = 'gzl_';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = 62n;
/** 62^43 is above 2^256, and 62^6 above 2^32. */
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const HINT_LENGTH = KEY_PREFIX.length + 4;
const SHAPE = new RegExp(`^${KEY_PREFIX}[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

/**
 * A new API key: `gzl_`, 256 random bits and a checksum of what comes before it, letters and
 * digits only, so that a double click takes all of it.
 * @param entropy gives 32 random bytes
 */
export function makeKey(entropy: () => Uint8Array = () => randomBytes(32)): string {
  const number = BigInt(`0x${Buffer.from(entropy()).toString('hex')}`);
  const body = KEY_PREFIX + base62(number, RANDOM_LENGTH);
  return body + checksumOf(body);
}

/** Whether it could be a key: a typing error and a cut are known without a look into the store. */
export function isKeyShaped(text: string): boolean {
  if (!SHAPE.test(text)) return false;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  return text.slice(-CHECKSUM_LENGTH) === checksumOf(body);
}

/** Four of 43 random characters: enough to know it again, 232 bits short of it. */
export function hintOf(key: string): string {
  return key.slice(0, HINT_LENGTH);
}

function checksumOf(body: string): string {
  return base62(BigInt(crc32(Buffer.from(body))), CHECKSUM_LENGTH);
}

function base62(value: bigint, length: number): string {
  let rest = value;
  let text = '';
  while (text.length < length) {
    text = ALPHABET.charAt(Number(rest % BASE)) + text;
    rest /= BASE;
  }
  return text;
}
