import assert from 'node:assert/strict';
import { test } from 'vitest';
import { guardLoopback } from './guard.js';

const host = 'localhost:7070';
const rows: readonly (readonly [string, Record<string, string>, boolean])[] = [
  ['a program', { host }, true],
  ['a program, by address', { host: '127.0.0.1:7070' }, true],
  ['a program, by IPv6 address', { host: '[::1]:7070' }, true],
  ['a program, in capitals', { host: 'LocalHost' }, true],
  ['a rebound name', { host: 'evil.example:7070' }, false],
  ['a name that begins like loopback', { host: '127.0.0.1.evil.example' }, false],
  ['a name that ends like loopback', { host: 'evil.localhost' }, false],
  ['another address', { host: '0.0.0.0:7070' }, false],
  [
    'a page of the server itself',
    { host, origin: 'http://localhost:7070', 'sec-fetch-site': 'same-origin' },
    true,
  ],
  ['the address bar', { host, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, true],
  [
    'a page of another site',
    { host, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    false,
  ],
  [
    'a page of another port',
    { host, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
    false,
  ],
  [
    'a page of another port in a browser without fetch metadata',
    { host, origin: 'http://localhost:3000' },
    false,
  ],
  ['a sandboxed frame', { host, origin: 'null' }, false],
  [
    'an image in another page',
    { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    false,
  ],
];
for (const [name, headers, passes] of rows) {
  test(`${name} ${passes ? 'passes' : 'is FORBIDDEN'}`, () => {
    const refusal = guardLoopback({ method: 'POST', httpVersion: '1.1', headers });
    assert.equal(refusal?.code, passes ? undefined : 'FORBIDDEN');
  });
}

test('a link from another site may be followed, a form may not be sent', () => {
  const headers = { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  assert.equal(guardLoopback({ method: 'GET', httpVersion: '1.1', headers }), undefined);
  assert.notEqual(guardLoopback({ method: 'POST', httpVersion: '1.1', headers }), undefined);
});

test('HTTP/1.1 needs a Host, HTTP/1.0 does not', () => {
  const bare = { method: 'GET', headers: {} };
  assert.equal(guardLoopback({ ...bare, httpVersion: '1.1' })?.code, 'BAD_REQUEST');
  assert.equal(guardLoopback({ ...bare, httpVersion: '1.0' }), undefined);
});
