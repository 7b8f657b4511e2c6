import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseBody } from './body.js';

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

for (const [name, body] of [
  ['an object', '{"a":[1,"x\\"]"]}'],
  ['nesting at the bound', nested(32)],
  ['brackets in a string, however many', JSON.stringify('['.repeat(100))],
  ['an escaped quote before brackets in a string', JSON.stringify(`\\"${'['.repeat(100)}`)],
  ['characters of four bytes', '"🙂"'],
] as const) {
  test(`${name} is taken as JSON.parse has it`, () => {
    assert.deepEqual(parseBody(Buffer.from(body)), { ok: true, value: JSON.parse(body) });
  });
}

for (const [name, body, detail] of [
  ['nothing', '', /empty/],
  ['half an object', '{"a":', /not valid JSON/],
  ['nesting past the bound', nested(33), /deeper than 32/],
  ['unbalanced nesting past the bound', '['.repeat(1_000_000), /deeper than 32/],
  ['more members than any request has', `[${'0,'.repeat(300_001)}0]`, /members/],
  ['NaN', 'NaN', /not valid JSON/],
] as const) {
  test(`${name} is BAD_JSON`, () => {
    const parsed = parseBody(Buffer.from(body));
    assert.ok(!parsed.ok);
    assert.equal(parsed.error.code, 'BAD_JSON');
    assert.match(parsed.error.detail, detail);
  });
}

for (const [name, bytes] of [
  ['a lone continuation byte', [0x22, 0x80, 0x22]],
  ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
  ['half of a surrogate pair in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ['UTF-16', [0xff, 0xfe, 0x22, 0x00]],
] as const) {
  test(`${name} is not UTF-8, so BAD_JSON`, () => {
    const parsed = parseBody(Buffer.from(bytes));
    assert.ok(!parsed.ok);
    assert.match(parsed.error.detail, /UTF-8/);
  });
}

test('the reason never repeats the body', () => {
  const parsed = parseBody(Buffer.from('{"code":"secret" oops'));
  assert.ok(!parsed.ok);
  assert.doesNotMatch(JSON.stringify(parsed.error), /secret/);
});

test('__proto__ is a member like any other', () => {
  const parsed = parseBody(Buffer.from('{"__proto__":{"polluted":true}}'));
  assert.ok(parsed.ok);
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});
