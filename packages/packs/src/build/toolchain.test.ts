import assert from 'node:assert/strict';
import { test } from 'vitest';
import { PackError } from '../pack-error.js';
import { shortVersion } from './toolchain.js';

for (const [told, name] of [
  ['3.11.2', '3.11'],
  ['25', '25'],
  ['2.0b4', '2.0b4'],
  ['8.0 release 1738', '8.0'],
  ['1.0~git2022', '1.0'],
] as const) {
  test(`a pack of ${told} is called ${name}`, () => assert.equal(shortVersion(told), name));
}

test('a version that begins with no number names no pack', () => {
  assert.throws(() => shortVersion('R13'), PackError);
});
