import { isUtf8 } from 'node:buffer';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { oddityOf } from './json/look.js';

/**
 * A request body as a JSON value. Strictly UTF-8 (RFC 8259 §8.1), and looked through before
 * anything is built of it: a small body can't become a large object, nor one that others read
 * otherwise.
 */
export function parseBody(bytes: Buffer): Result<unknown, Refusal> {
  if (bytes.length === 0) return refuse(badJson('The body is empty.'));
  if (!isUtf8(bytes)) return refuse(badJson('The body is not valid UTF-8.'));
  const oddity = oddityOf(bytes);
  if (oddity !== undefined) return refuse(oddity);
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
