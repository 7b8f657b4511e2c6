import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';

/** Bytes as JSON can carry them. */
export interface Text {
  readonly content: string;
  readonly encoding: 'utf8' | 'base64';
}

/**
 * UTF-8 goes out as it is; base64 where the bytes are not UTF-8, or where escaping them in JSON
 * would more than double them. Long ones are looked at in pieces, a turn of the loop for each.
 * @param isCut the bytes end at a limit: a last character that the cut split is then left out
 */
export async function toText(bytes: Uint8Array, isCut: boolean): Promise<Text> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = isCut ? buffer.subarray(0, buffer.length - splitTailBytes(buffer)) : buffer;
  if (isUtf8(whole) && (await jsonBytes(whole)) <= 2 * whole.length) {
    return { content: whole.toString('utf8'), encoding: 'utf8' };
  }
  return { content: buffer.toString('base64'), encoding: 'base64' };
}

/** Bytes at the end that begin a UTF-8 character without finishing it: 0 to 3. */
function splitTailBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return characterBytes(byte) > back ? back : 0;
  }
  return 0;
}

function characterBytes(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}

/** Half a millisecond's work. */
const PIECE_BYTES = 256 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT_ESCAPES: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);

/** What each byte takes within a JSON string: 2 for `\n`, 6 for `\u0000`. */
const JSON_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === QUOTE || byte === BACKSLASH || SHORT_ESCAPES.has(byte)) return 2;
  return byte < 0x20 ? 6 : 1;
});

async function jsonBytes(bytes: Uint8Array): Promise<number> {
  let total = 0;
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    if (from > 0) await setImmediate();
    const end = Math.min(from + PIECE_BYTES, bytes.length);
    // By index: an iterator takes several times as long over 16 MiB.
    for (let at = from; at < end; at += 1) total += JSON_BYTES[bytes[at] ?? 0] ?? 1;
  }
  return total;
}
