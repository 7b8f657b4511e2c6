/// <reference lib="es2024.string" />
import { ok, type Result, refuse } from '@gozolite/contract/result';

type Encoding = 'utf8' | 'base64';

/**
 * The bytes that a text member stands for.
 * Base64 is strict (RFC 4648 §4): padded, no other characters, no bits left over.
 * @returns or refuses with the sentence that says what is wrong
 */
export function decodeText(text: string, encoding: Encoding = 'utf8'): Result<Buffer, string> {
  if (encoding === 'utf8') {
    const fault = surrogateFault(text);
    return fault === undefined ? ok(Buffer.from(text, 'utf8')) : refuse(fault);
  }
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text
    ? ok(bytes)
    : refuse('It is not base64 as RFC 4648 §4 has it, padded and in one piece.');
}

/** JSON can name half a character ("\ud800"), which no byte sequence of UTF-8 stands for. */
export function surrogateFault(text: string): string | undefined {
  return text.isWellFormed() ? undefined : 'It holds half of a surrogate pair.';
}
