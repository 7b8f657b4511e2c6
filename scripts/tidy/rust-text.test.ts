import assert from 'node:assert/strict';
import { test } from 'vitest';
import { blankRust, rustFunctions } from './rust-text.js';

const blanks = [
  { name: 'a line comment', text: 'a // unsafe {\nb', blank: 'a            \nb' },
  { name: 'a block comment over lines', text: '/* { \n } */x', blank: '     \n     x' },
  { name: 'a string with an escaped quote', text: '("\\"{")x', blank: '(     )x' },
  { name: 'a raw string', text: 'r#"{"}"#;', blank: '        ;' },
  { name: 'a brace as a character', text: "'{' '\\''", blank: '        ' },
  { name: 'a lifetime is no character', text: "<'a>(x: &'a {", blank: "<'a>(x: &'a {" },
] as const;
for (const { name, text, blank } of blanks) {
  test(`blanked: ${name}`, () => assert.equal(blankRust(text), blank));
}

test('a function has its line, its body and its parameters', () => {
  const text = [
    'impl X {',
    "    pub fn first<'a>(&'a self, one: HashMap<u8, u8>, two: (u8, u8)) -> Option<u8>",
    '    where u8: Copy {',
    '        let x = "}";',
    '        loop { break }',
    '    }',
    '    fn second(f: impl Fn(u8) -> u8,) {}',
    '    fn declared(a: u8);',
    '}',
  ].join('\n');
  assert.deepEqual(rustFunctions(text), [
    { name: 'first', line: 2, bodyLines: 2, parameters: 2 },
    { name: 'second', line: 7, bodyLines: 0, parameters: 1 },
  ]);
});
