import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { targetFault } from './network.js';

for (const text of [
  'api.example.com:443',
  'a.b:1',
  'xn--bcher-kva.example:65535',
  `${'a'.repeat(63)}.com:1`,
]) {
  test(`${text.slice(0, 30)} can be asked for`, () => {
    assert.equal(targetFault(text), undefined);
  });
}

for (const text of [
  'api.example.com',
  'api.example.com:0',
  'api.example.com:65536',
  'api.example.com:+1',
  'api.example.com:01',
  'api.example.com:443:1',
  'API.example.com:443',
  '*.example.com:443',
  'example.com.:443',
  'localhost:80',
  'a.localhost:80',
  'com:443',
  '93.184.216.34:443',
  '127.1:80',
  '10.0x1:80',
  '[::1]:80',
  'a..b:1',
  '-a.b:1',
  'a-.b:1',
  'a b.c:1',
  'a_b.c:1',
  'a.b\n:1',
  'a.b:1\n',
  '',
  ':1',
  `${'a'.repeat(64)}.com:1`,
  `${'a.'.repeat(126)}com:1`,
]) {
  test(`${JSON.stringify(text.slice(0, 30))} is refused`, () => {
    assert.equal(typeof targetFault(text), 'string');
  });
}

test('what is taken holds nothing that a hosts file or a setting would read otherwise', () => {
  const letters = fc.constantFrom(...'ab09-.:, \t\n#*_A');
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 20 }), (text) => {
      if (targetFault(text) === undefined) assert.match(text, /^[a-z0-9.-]+:[0-9]+$/);
    }),
  );
});
