/**
 * Rust source with the contents of comments, strings and character literals blanked out, so that
 * braces and words can be looked for. Lines and columns stay where they were.
 * @see https://doc.rust-lang.org/reference/tokens.html
 */
export function blankRust(text: string): string {
  return text.replace(TOKENS, (token) => token.replace(/[^\n]/g, ' '));
}

// In this order: a raw string before a plain one, a character literal before a lifetime's quote.
const TOKENS = new RegExp(
  [
    /\/\/[^\n]*/, // line comment
    /\/\*[\s\S]*?\*\//, // block comment
    /\b(?:b|c)?r(#*)"[\s\S]*?"\1/, // raw string
    /"(?:\\[\s\S]|[^"\\])*"/, // string
    /'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\\n])'/, // character
  ]
    .map((part) => part.source)
    .join('|'),
  'g',
);

export interface RustFunction {
  readonly name: string;
  readonly line: number;
  readonly bodyLines: number;
  readonly parameters: number;
}

/** Every function with a body: how long it is, and how many parameters it takes besides self. */
export function rustFunctions(text: string): readonly RustFunction[] {
  const blank = blankRust(text);
  return [...blank.matchAll(/\bfn\s+(\w+)/g)].flatMap((match) => {
    const afterName = match.index + match[0].length;
    const open = blank.indexOf('(', afterName);
    const close = matching(blank, open);
    const body = /[{;]/.exec(blank.slice(close));
    if (open < 0 || body === null || body[0] === ';') return [];
    const start = close + body.index;
    const end = matching(blank, start);
    return [
      {
        name: match[1] ?? '',
        line: lineAt(blank, match.index),
        bodyLines: Math.max(0, lineAt(blank, end) - lineAt(blank, start) - 1),
        parameters: countParameters(blank.slice(open + 1, close)),
      },
    ];
  });
}

const CLOSERS: Readonly<Record<string, string>> = { '(': ')', '{': '}' };

/** Index of the bracket that closes the one at `open`. */
function matching(text: string, open: number): number {
  const opener = text[open] ?? '';
  const closer = CLOSERS[opener];
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === opener) depth += 1;
    else if (text[at] === closer && --depth === 0) return at;
  }
  return text.length;
}

function countParameters(list: string): number {
  let depth = 0;
  let parts = [''];
  for (const [at, char] of [...list].entries()) {
    // The > of an arrow closes nothing.
    if ('([{<'.includes(char)) depth += 1;
    else if (')]}'.includes(char) || (char === '>' && list[at - 1] !== '-')) depth -= 1;
    if (char === ',' && depth === 0) parts = [...parts, ''];
    else parts = [...parts.slice(0, -1), `${parts.at(-1)}${char}`];
  }
  return parts.filter(
    (part) => part.trim() !== '' && !/^\s*(&\s*)?('\w+\s+)?(mut\s+)?self\b/.test(part),
  ).length;
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
