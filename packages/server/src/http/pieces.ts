import { setImmediate } from 'node:timers/promises';

/** A string of this length or less is written at once; a millisecond's work is some 1 MiB. */
const PIECE_LENGTH = 128 * 1024;

/**
 * JSON of any length without holding the event loop for it: the text where every string in it is
 * short; else its pieces, a turn of the loop for each, so that others' requests come between.
 */
export function toJson(value: unknown): Json {
  const long: string[] = [];
  const short = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'string' || member.length <= PIECE_LENGTH) return member;
    long.push(member);
    return HOLE;
  });
  if (long.length === 0) return { body: short, length: short.length };
  const length = long.reduce((sum, { length: one }) => sum + one, short.length);
  return { body: pieces(short.split(JSON.stringify(HOLE)), long), length };
}

export interface Json {
  readonly body: string | AsyncGenerator<string>;
  /** About; what has to be escaped is longer in the end. */
  readonly length: number;
}

/** The whole text, put together without holding the event loop for it. */
export async function textOf(value: unknown): Promise<string> {
  const { body } = toJson(value);
  if (typeof body === 'string') return body;
  let text = '';
  for await (const piece of body) text += piece;
  return text;
}

/** Nobody's text: random, and new with each server. */
const HOLE = crypto.randomUUID();

async function* pieces(around: readonly string[], long: readonly string[]): AsyncGenerator<string> {
  for (const [at, text] of around.entries()) {
    yield text;
    const string = long[at];
    if (string === undefined) continue;
    yield '"';
    yield* escaped(string);
    yield '"';
  }
}

async function* escaped(text: string): AsyncGenerator<string> {
  for (let from = 0; from < text.length; ) {
    const end = endOfPiece(text, from + PIECE_LENGTH);
    yield JSON.stringify(text.slice(from, end)).slice(1, -1);
    from = end;
    await setImmediate();
  }
}

/** JSON.stringify would write the halves of a split pair as two escapes. */
function endOfPiece(text: string, end: number): number {
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last < 0xdc00 ? end + 1 : end;
}
