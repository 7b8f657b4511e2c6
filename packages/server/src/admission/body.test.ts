import assert from 'node:assert/strict';
import fc from 'fast-check';
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

for (const [name, body, where] of [
  ['a name', '{"language":"a","code":"1","language":"b"}', '/language'],
  ['an empty name', '{"":1,"":2}', '/'],
  ['a name in a list of objects', '{"files":[{},{"path":"a","path":"b"}]}', '/files/1/path'],
  ['a name in a batch', '[{"env":{"A":"1","B":"2","A":"3"}}]', '/0/env/A'],
  ['a name that is written otherwise', '{"env":{"A":"","\\u0041":""}}', '/env/A'],
  ['a name with a slash', '{"a/b~":1,"a\\/b~":2}', '/a~1b~0'],
  ['a name with spaces around', '{ "a" : 1 ,\n\t"a" : 2 }', '/a'],
] as const) {
  test(`${name} twice is BAD_JSON, and told where`, () => {
    const parsed = parseBody(Buffer.from(body));
    assert.ok(!parsed.ok);
    assert.equal(parsed.error.code, 'BAD_JSON');
    assert.deepEqual(parsed.error.errors, [
      { pointer: where, code: 'BAD_JSON', detail: 'This member stands twice.' },
    ]);
  });
}

for (const [name, body] of [
  ['a name in two objects', '[{"a":{"a":1}},{"a":1}]'],
  ['a name that is a value before', '{"a":"b","b":"a","c":["a","a"]}'],
  ['a name after a list', '{"a":["x","y"],"x":1,"y":{"z":1},"z":2}'],
  ['names that differ in case', '{"a":1,"A":2}'],
  ['a name in a string', '{"code":"{\\"a\\":1,\\"a\\":2}"}'],
  ['constructor as a word', '{"labels":{"constructor":"x","prototype":"y"}}'],
  ['__proto__ as a value', '{"code":"__proto__","args":["__proto__"]}'],
] as const) {
  test(`${name} is no name twice, and none to refuse`, () => {
    assert.deepEqual(parseBody(Buffer.from(body)), { ok: true, value: JSON.parse(body) });
  });
}

for (const [name, body, where] of [
  ['__proto__', '{"__proto__":{"polluted":true}}', '/__proto__'],
  ['__proto__ with a word', '{"env":{"__proto__":"x"}}', '/env/__proto__'],
  ['__proto__ in escapes', '{"a":[{"\\u005f_proto\\u005F_":1}]}', '/a/0/__proto__'],
  ['constructor.prototype', '{"constructor" :\n{"prototype":{"x":1}}}', '/constructor'],
  ['prototype', '{"limits":{"prototype":[]}}', '/limits/prototype'],
] as const) {
  test(`${name} is refused, and told where`, () => {
    const parsed = parseBody(Buffer.from(body));
    assert.ok(!parsed.ok);
    assert.equal(parsed.error.code, 'BAD_REQUEST');
    assert.equal(parsed.error.errors?.[0]?.pointer, where);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });
}

test('whatever JSON: it is taken as it is, and with one name twice it is not', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 4 }), fc.string(), (value, name) => {
      const spaced = JSON.stringify(value, undefined, 1);
      const parsed = parseBody(Buffer.from(spaced));
      const isPolluting = /"(__proto__|constructor|prototype)"/.test(spaced);
      assert.ok(parsed.ok || isPolluting);
      const twice = `{${JSON.stringify(name)}:${spaced},${JSON.stringify(name)}:0}`;
      assert.ok(!parseBody(Buffer.from(twice)).ok);
    }),
  );
});

test('a name twice among 300,000 is found', () => {
  const names = Array.from({ length: 299_999 }, (_, at) => `"${at}":0`).join(',');
  assert.ok(parseBody(Buffer.from(`{${names}}`)).ok);
  const parsed = parseBody(Buffer.from(`{${names},"777":0}`));
  assert.ok(!parsed.ok);
  assert.match(parsed.error.detail, /^\/777: /);
});
