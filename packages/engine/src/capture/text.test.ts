import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toText } from './text.js';

const rows = [
  { name: 'text stays text', bytes: [...Buffer.from('42\n')], content: '42\n' },
  { name: 'no bytes are empty text', bytes: [], content: '' },
  { name: 'a byte order mark is kept', bytes: [0xef, 0xbb, 0xbf, 0x61], content: '\ufeffa' },
  { name: 'bytes that are not UTF-8 are base64', bytes: [0xff, 0x61], base64: '/2E=' },
  { name: 'an encoded surrogate is not UTF-8', bytes: [0xed, 0xa0, 0x80], base64: '7aCA' },
  { name: 'escapes that exactly double it are text', bytes: [0x22, 0x0a], content: '"\n' },
  { name: 'NUL takes six bytes in JSON: base64', bytes: [0x00, 0x61], base64: 'AGE=' },
  { name: 'a NUL among enough text is text', bytes: [0, 97, 97, 97, 97], content: '\u0000aaaa' },
];
test.each(rows)('$name', async ({ bytes, content, base64 }) => {
  expect(await toText(Uint8Array.from(bytes), false)).toEqual(
    base64 === undefined ? { content, encoding: 'utf8' } : { content: base64, encoding: 'base64' },
  );
});

describe('a cut at the limit', () => {
  test('leaves out the character that it split, wherever it fell', async () => {
    const characters = ['a', 'ü', '日', '😀'];
    for (const character of characters) {
      const whole = Buffer.from(`x${character}`);
      for (let length = 1; length < whole.length; length += 1) {
        expect((await toText(whole.subarray(0, length), true)).content).toBe('x');
      }
      expect((await toText(whole, true)).content).toBe(`x${character}`);
    }
  });

  test('without one, half a character at the end is the program’s own: base64', async () => {
    expect((await toText(Uint8Array.of(0x61, 0xc3), false)).encoding).toBe('base64');
  });

  test('of bytes that are not text leaves out nothing', async () => {
    const bytes = Uint8Array.of(0xff, 0x61, 0xe6);
    expect((await toText(bytes, true)).content).toBe(Buffer.from(bytes).toString('base64'));
  });
});

test('what is not cut comes back whole, in at most twice its JSON bytes or base64', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const { content, encoding } = await toText(bytes, false);
      expect(Buffer.from(content, encoding)).toEqual(Buffer.from(bytes));
      const written = Buffer.byteLength(JSON.stringify(content)) - 2;
      if (encoding === 'utf8') expect(written).toBeLessThanOrEqual(2 * bytes.length);
    }),
  );
});

test('any cut of any text is a beginning of that text', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(text, fc.nat(), async (whole, at) => {
      const bytes = Buffer.from(whole);
      const { content, encoding } = await toText(bytes.subarray(0, at % (bytes.length + 1)), true);
      if (encoding === 'utf8') expect(whole.startsWith(content)).toBe(true);
    }),
  );
});

test('what is longer than a piece is looked at whole', async () => {
  const text = Buffer.alloc(700_000, 'a');
  expect((await toText(text, false)).encoding).toBe('utf8');
  const zeros = Buffer.concat([text, Buffer.alloc(200_000)]);
  expect((await toText(zeros, false)).encoding).toBe('base64');
});
