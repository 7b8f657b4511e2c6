import assert from 'node:assert/strict';
import type { DiagnosticRule } from '@gozolite/contract/recipe';
import { test } from 'vitest';
import { findDiagnostics } from './find.js';

const gcc: DiagnosticRule = {
  pattern: '^(?<file>[^:]+):(?<line>\\d+):(?<column>\\d+): (?<severity>[a-z ]+): (?<message>.+)$',
};
const node: DiagnosticRule = {
  pattern: '^(?<file>/.+):(?<line>\\d+)$',
  next: ['^ *(?<caret>\\^)', '^(?<message>SyntaxError: .+)$'],
};

test('each line that fits is one, in order, files relative to the workspace', () => {
  const words = [
    "main.c: In function 'main':",
    '/work/lib/a.c:3:7: warning: unused variable',
    './main.c:10:1: fatal error: no such file',
    '/usr/include/x.h:1:2: note: declared here',
    'main.c:0:99999999999999999999: error: no such place',
  ];
  assert.deepEqual(findDiagnostics([gcc], [words.join('\r\n')]), [
    { severity: 'warning', message: 'unused variable', file: 'lib/a.c', line: 3, column: 7 },
    { severity: 'error', message: 'no such file', file: 'main.c', line: 10, column: 1 },
    { severity: 'note', message: 'declared here', file: '/usr/include/x.h', line: 1, column: 2 },
    { severity: 'error', message: 'no such place', file: 'main.c', line: null, column: null },
  ]);
});

test('columns that a compiler counts from 0 are told from 1', () => {
  const rule = {
    pattern: '^(?<line>\\d+):(?<column>\\d*): (?<message>.+)$',
    columns_from: 0,
  } as const;
  const columns = findDiagnostics([rule], ['1:0: a\n2:7: b\n3:: c\n']).map(({ column }) => column);
  assert.deepEqual(columns, [1, 8, null]);
});

test('one that goes over lines has its column from where the caret stands', () => {
  const words = '/work/main.js:2\nconst x = ;\n          ^\n\nSyntaxError: Unexpected token\n';
  assert.deepEqual(findDiagnostics([node], [words]), [
    {
      severity: 'error',
      message: 'SyntaxError: Unexpected token',
      file: 'main.js',
      line: 2,
      column: 11,
    },
  ]);
});

test('one whose next line does not come within eight is none', () => {
  const words = (between: number) =>
    `/work/main.js:2\n${'x\n'.repeat(between)}^\nSyntaxError: no\n`;
  assert.equal(findDiagnostics([node], [words(7)]).length, 1);
  assert.equal(findDiagnostics([node], [words(8)]).length, 0);
});

test('the first rule that fits a line counts; a severity that no group says is the rule’s', () => {
  const rules: readonly DiagnosticRule[] = [
    { pattern: '^warn: (?<message>.+)$', severity: 'warning' },
    { pattern: '^(?<message>.+)$' },
  ];
  const severities = findDiagnostics(rules, ['warn: a\nb']).map(({ severity }) => severity);
  assert.deepEqual(severities, ['warning', 'error']);
});

test('a hundred at most, standard error first, of lines of a thousand characters at most', () => {
  const line = 'a.c:1:1: error: x\n';
  assert.equal(findDiagnostics([gcc], [line.repeat(101)]).length, 100);
  assert.equal(findDiagnostics([gcc], [line.repeat(99), line.repeat(99)]).length, 100);
  const long = (length: number) => `a.c:1:1: error: ${'x'.repeat(length - 16)}\n`;
  assert.equal(findDiagnostics([gcc], [long(1000) + long(1001)]).length, 1);
});

/** Patterns that take V8 minutes and more with these words. */
const slow: readonly DiagnosticRule[] = [
  { pattern: '^(?<message>(a+)+)$', next: ['^(a|a)*b$', '(.*)*c'] },
  { pattern: '(?<file>.*):(?<line>.*):(?<column>.*):(?<message>.*)!$' },
];
const hostile = [
  { name: 'one long line', words: 'a'.repeat(16 << 20) },
  { name: 'many lines that nearly fit', words: `${'a'.repeat(999)}\n`.repeat(16_000) },
  { name: 'colons', words: `${':'.repeat(1000)}\n`.repeat(16_000) },
  { name: 'empty lines', words: '\n'.repeat(16 << 20) },
  { name: 'first lines without a second', words: 'a\n'.repeat(8 << 20) },
];
for (const { name, words } of hostile) {
  test(`${name}: 16 MiB of them hold nobody up`, () => {
    assert.deepEqual(findDiagnostics(slow, [words, words]), []);
  });
}
