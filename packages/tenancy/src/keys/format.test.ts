import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { hintOf, isKeyShaped, makeKey } from './format.js';

test('a key has its prefix, 43 random characters and 6 of a checksum', () => {
  assert.match(makeKey(), /^gzl_[0-9A-Za-z]{49}$/);
  assert.equal(makeKey(() => new Uint8Array(32)).slice(0, 47), `gzl_${'0'.repeat(43)}`);
  assert.equal(hintOf(makeKey(() => new Uint8Array(32))), 'gzl_0000');
});

test('every 256 bits have a key of their own that is one', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      const key = makeKey(() => one);
      const isSame = Buffer.compare(one, other) === 0;
      return isKeyShaped(key) && (makeKey(() => other) === key) === isSame;
    }),
  );
  assert.equal(isKeyShaped(makeKey(() => new Uint8Array(32).fill(255))), true);
});

test('every change of one character of a key is known by its checksum', () => {
  const key = makeKey();
  let changed = 0;
  for (let at = 0; at < key.length; at += 1) {
    for (const letter of ['0', 'A', 'z', '_', ' ']) {
      if (letter === key[at]) continue;
      changed += 1;
      assert.equal(isKeyShaped(key.slice(0, at) + letter + key.slice(at + 1)), false);
    }
  }
  assert.ok(changed > 200);
});

for (const text of ['', 'gzl_', makeKey().slice(1), `${makeKey()}0`, makeKey().toUpperCase()]) {
  test(`"${text.slice(0, 8)}" with ${text.length} characters is none`, () => {
    assert.equal(isKeyShaped(text), false);
  });
}
