import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { type Budget, matchLine } from './match.js';
import { compilePattern, PatternError } from './pattern.js';

const budget = (): Budget => ({ steps: 1_000_000 });

/** What V8 says, in our words. */
function expected(source: string, line: string) {
  const match = new RegExp(source, 'd').exec(line);
  if (!match) return undefined;
  const indices = Object.entries(match.indices?.groups ?? {});
  return Object.fromEntries(
    indices.flatMap(([name, place]) =>
      place ? [[name, { text: line.slice(...place), at: place[0] }]] : [],
    ),
  );
}

const rows = [
  ['^(?<file>[^:]+):(?<line>\\d+):(?<column>\\d+): (?<message>.*)$', 'src/a.c:1:22: error: x'],
  ['(?<message>.*) in (?<file>\\S+) on line (?<line>\\d+)$', 'end in a in main.php on line 3'],
  ['^(?<severity>error|warning)(?:\\[(?<code>E\\d{4})\\])?: (?<message>.+)', 'error[E0425]: no'],
  ['(?<a>a|ab)(?<b>c|bcd)(?<c>d*)', 'abcd'],
  ['(?<a>x*?)(?<b>x{2,3}?)$', 'xxxxx'],
  ['(?<a>[^\\d\\s-]+)[-\\]]', '1 ab-]'],
  ['^ *(?<caret>\\^)', '      ^~~~'],
  ['(?<a>)|b', 'b'],
] as const;
for (const [source, line] of rows) {
  test(`/${source}/ finds in ${line} what V8 finds`, () =>
    assert.deepEqual(matchLine(compilePattern(source), line, budget()), expected(source, line)));
}

/** Patterns of a small alphabet, so that they match now and then. */
const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '1');
const times = fc.constantFrom('', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}', '{2,}?');
const piece = fc.tuple(atom, times).map((parts) => parts.join(''));
const sequence = fc.array(piece, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
const pattern = fc
  .tuple(sequence, sequence, sequence, fc.constantFrom('', '^'), fc.constantFrom('', '$'))
  .map(([one, two, three, start, end]) => `${start}(?<x>${one}|${two})(?<y>${three})${end}`);

test('any pattern finds in any line what V8 finds', () => {
  const line = fc.array(fc.constantFrom('a', 'b', '1', '-'), { maxLength: 12 });
  fc.assert(
    fc.property(pattern, line, (source, characters) => {
      const text = characters.join('');
      const found = matchLine(compilePattern(source), text, budget());
      assert.deepEqual(found, expected(source, text));
    }),
    { numRuns: 2000 },
  );
});

const hostile = ['^(a+)+$', '^(a|a)*$', '(.*)*x', '^(?<file>.*):(?<line>.*):(.*):(.*):(.*)z$'];
for (const source of hostile) {
  test(`/${source}/ takes no more than steps times length of a line made against it`, () => {
    const compiled = compilePattern(source);
    for (const line of [`${'a'.repeat(999)}!`, ':'.repeat(1000), 'a:'.repeat(500)]) {
      const left = { steps: 1e9 };
      assert.equal(matchLine(compiled, line, left), undefined);
      assert.ok(1e9 - left.steps <= 16 + compiled.steps.length * (line.length + 1));
    }
  });
}

test('without a budget nothing is found', () => {
  assert.equal(matchLine(compilePattern('a'), 'a', { steps: 0 }), undefined);
});

const refused = ['a(?=b)', '(?<!a)b', '(a)\\1', '(a', 'a)', '[a', '*a', '\\b', 'a{51}', 'a\\'];
for (const source of [...refused, '((a{50}){50})', '[b-a]']) {
  test(`/${source}/ is no pattern`, () =>
    assert.throws(() => compilePattern(source), PatternError));
}
