/**
 * One step of a pattern's program. Jumps are relative to their own place.
 * @see docs/adr/0046-patterns-in-linear-time.md for why these are no regular expressions of V8.
 */
export type Step =
  | { readonly op: 'character'; readonly isIn: (code: number) => boolean }
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly by: number }
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'start' }
  | { readonly op: 'end' };

export interface Pattern {
  readonly steps: readonly Step[];
  /** Group n begins at slot 2n and ends at 2n + 1. */
  readonly groups: readonly string[];
}

/** Why a text is no pattern. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** Far more than any compiler's line needs; a repetition of a repetition grows fast. */
const STEPS_MAX = 1000;
const TIMES_MAX = 50;

/**
 * The part of regular expressions that needs no backtracking: characters, `.`, classes, `\d \w \s`,
 * groups with and without names, `|`, `* + ? {m,n}` also lazy, `^`, `$`.
 * @throws PatternError for anything else, references and assertions above all
 */
export function compilePattern(source: string): Pattern {
  const reader: Reader = { source, at: 0, groups: [] };
  const steps = alternatives(reader);
  if (reader.at < source.length) fail(reader, 'an unmatched )');
  return { steps, groups: reader.groups };
}

interface Reader {
  readonly source: string;
  at: number;
  readonly groups: string[];
}

function fail({ source, at }: Reader, what: string): never {
  throw new PatternError(`${what} at character ${at + 1} of ${source}`);
}

function bounded(reader: Reader, steps: Step[]): Step[] {
  return steps.length > STEPS_MAX ? fail(reader, `more than ${STEPS_MAX} steps`) : steps;
}

function alternatives(reader: Reader): Step[] {
  let steps = sequence(reader);
  while (reader.source[reader.at] === '|') {
    reader.at += 1;
    const other = sequence(reader);
    const split: Step = { op: 'split', first: 1, second: steps.length + 2 };
    steps = [split, ...steps, { op: 'jump', by: other.length + 1 }, ...other];
  }
  return bounded(reader, steps);
}

function sequence(reader: Reader): Step[] {
  const steps: Step[] = [];
  while (reader.at < reader.source.length && !'|)'.includes(reader.source[reader.at] ?? '')) {
    steps.push(...quantified(reader, atom(reader)));
    bounded(reader, steps);
  }
  return steps;
}

function atom(reader: Reader): Step[] {
  const character = reader.source[reader.at] ?? '';
  reader.at += 1;
  switch (character) {
    case '^':
      return [{ op: 'start' }];
    case '$':
      return [{ op: 'end' }];
    case '.':
      return [{ op: 'character', isIn: () => true }];
    case '(':
      return group(reader);
    case '[':
      return [{ op: 'character', isIn: characterClass(reader) }];
    case '\\':
      return [{ op: 'character', isIn: escaped(reader) }];
    case '*':
    case '+':
    case '?':
      return fail(reader, 'nothing to repeat');
    default: {
      const wanted = character.charCodeAt(0);
      return [{ op: 'character', isIn: (code) => code === wanted }];
    }
  }
}

function group(reader: Reader): Step[] {
  const head = /^\?(?::|<([a-z]+)>)/.exec(reader.source.slice(reader.at));
  if (!head && reader.source[reader.at] === '?') fail(reader, 'an assertion');
  reader.at += head?.[0].length ?? 0;
  const name = head?.[1];
  const slot = 2 * (name === undefined ? 0 : reader.groups.push(name) - 1);
  const steps = alternatives(reader);
  if (reader.source[reader.at] !== ')') fail(reader, 'a missing )');
  reader.at += 1;
  if (name === undefined) return steps;
  return [{ op: 'save', slot }, ...steps, { op: 'save', slot: slot + 1 }];
}

function quantified(reader: Reader, steps: Step[]): Step[] {
  const head = /^(?:[*+?]|\{(\d+)(,(\d*))?\})/.exec(reader.source.slice(reader.at));
  if (!head) return steps;
  reader.at += head[0].length;
  const isLazy = reader.source[reader.at] === '?';
  if (isLazy) reader.at += 1;
  switch (head[0]) {
    case '*':
      return star(steps, isLazy);
    case '+':
      return [...steps, ...star(steps, isLazy)];
    case '?':
      return optional(steps, isLazy);
  }
  const least = Number(head[1]);
  const most = head[2] === undefined ? least : head[3] === '' ? undefined : Number(head[3]);
  if (Math.max(least, most ?? 0) > TIMES_MAX) fail(reader, `more than ${TIMES_MAX} times`);
  const fixed = new Array<Step[]>(least).fill(steps).flat();
  if (most === undefined) return [...fixed, ...star(steps, isLazy)];
  let rest: Step[] = [];
  for (let times = least; times < most; times += 1) {
    rest = bounded(reader, optional([...steps, ...rest], isLazy));
  }
  return [...fixed, ...rest];
}

function star(steps: Step[], isLazy: boolean): Step[] {
  return [choice(1, steps.length + 2, isLazy), ...steps, { op: 'jump', by: -(steps.length + 1) }];
}

function optional(steps: Step[], isLazy: boolean): Step[] {
  return [choice(1, steps.length + 1, isLazy), ...steps];
}

function choice(into: number, past: number, isLazy: boolean): Step {
  return isLazy
    ? { op: 'split', first: past, second: into }
    : { op: 'split', first: into, second: past };
}

type Test = (code: number) => boolean;

const isDigit: Test = (code) => code >= 48 && code <= 57;
const isWord: Test = (code) =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
const isBlank: Test = (code) => code === 32 || (code >= 9 && code <= 13) || code === 0xa0;

const CLASSES: Readonly<Record<string, Test>> = {
  d: isDigit,
  D: (code) => !isDigit(code),
  w: isWord,
  W: (code) => !isWord(code),
  s: isBlank,
  S: (code) => !isBlank(code),
  t: (code) => code === 9,
};

/** After the backslash. */
function escaped(reader: Reader): Test {
  const character = reader.source[reader.at] ?? fail(reader, 'a backslash with nothing behind it');
  const known = CLASSES[character];
  if (known === undefined && /[A-Za-z0-9]/.test(character)) fail(reader, `\\${character}`);
  reader.at += 1;
  const wanted = character.charCodeAt(0);
  return known ?? ((code) => code === wanted);
}

/** After the opening bracket. */
function characterClass(reader: Reader): Test {
  const isNegated = reader.source[reader.at] === '^';
  if (isNegated) reader.at += 1;
  const tests: Test[] = [];
  while (reader.source[reader.at] !== ']') {
    const low = reader.source[reader.at] ?? fail(reader, 'a missing ]');
    reader.at += 1;
    if (low === '\\') {
      tests.push(escaped(reader));
      continue;
    }
    const high = /^-([^\]\\])/.exec(reader.source.slice(reader.at))?.[1];
    if (high !== undefined) reader.at += 2;
    const [from, to] = [low.charCodeAt(0), (high ?? low).charCodeAt(0)];
    if (to < from) fail(reader, 'a range that runs backwards');
    tests.push((code) => code >= from && code <= to);
  }
  reader.at += 1;
  return (code) => tests.some((test) => test(code)) !== isNegated;
}
