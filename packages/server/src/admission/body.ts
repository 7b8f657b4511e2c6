import { isUtf8 } from 'node:buffer';
import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';

/** No valid request has more: 128 KiB of arguments hold at most 131,072 of them, twice. */
const MEMBERS_MAX = 300_000;

/**
 * A request body as a JSON value. Strictly UTF-8 (RFC 8259 §8.1), and bounded in depth and in
 * members before anything is built of it, so that a small body cannot become a large object.
 */
export function parseBody(bytes: Buffer): Result<unknown, Refusal> {
  if (bytes.length === 0) return refuse(badJson('The body is empty.'));
  if (!isUtf8(bytes)) return refuse(badJson('The body is not valid UTF-8.'));
  const shape = measure(bytes);
  if (shape.depth > REQUEST_BOUNDS.jsonDepthMax) {
    return refuse(badJson(`Nested deeper than ${REQUEST_BOUNDS.jsonDepthMax}.`));
  }
  if (shape.members > MEMBERS_MAX) return refuse(badJson(`More than ${MEMBERS_MAX} members.`));
  try {
    return ok(JSON.parse(bytes.toString('utf8')));
  } catch {
    // V8's message quotes the body, which may be a program: it is not repeated.
    return refuse(badJson('The body is not valid JSON.'));
  }
}

function badJson(detail: string): Refusal {
  return { code: 'BAD_JSON', detail };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Deepest nesting and number of separators outside of strings, in one pass over the bytes. */
function measure(bytes: Buffer): { depth: number; members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index += 1;
      while (index < bytes.length && bytes[index] !== QUOTE) {
        index += bytes[index] === BACKSLASH ? 2 : 1;
      }
    } else if (byte === COMMA) {
      members += 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
  return { depth: deepest, members };
}
