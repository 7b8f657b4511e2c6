import assert from 'node:assert/strict';
import { ok } from '@gozolite/contract/result';
import { afterAll, beforeAll, test } from 'vitest';
import { head, post, serveForTests, UNDESCRIBED } from '../app-under-test.js';
import { json } from '../route.js';

const document = UNDESCRIBED;
let counted = 0;
const { call, open, raw, start, stop } = serveForTests([
  {
    method: 'POST',
    path: '/length',
    document,
    handle: ({ body }) => {
      counted += 1;
      return ok(json(200, { bytes: body.length }));
    },
  },
  { method: 'POST', path: '/never', document, handle: () => new Promise(() => {}) },
  { method: 'POST', path: '/things/batch', document, handle: () => ok(json(200, {})) },
  {
    method: 'GET',
    path: '/things/{id}',
    document,
    handle: ({ params, query, headers }) =>
      ok(json(200, { ...params, ...query, host: headers.host })),
  },
]);
beforeAll(start);
afterAll(stop);

const get = (target: string, ...lines: readonly string[]): string => {
  const all = ['Host: localhost', ...lines, 'Connection: close'];
  return `GET ${target} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`;
};

const chunked = (version: string, coding: string): string =>
  `POST /length HTTP/${version}\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
  `Transfer-Encoding: ${coding}\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;

const TWO_CHARSETS = head('/length', 'Content-Length: 2', 'Connection: close').replace(
  '/json',
  '/json; charset=utf-8; charset=utf-7',
);

const rows: readonly (readonly [string, string, number])[] = [
  ['a target with escapes', get('/things/a%20b?x=%C3%A9'), 200],
  ['a target with a byte above ASCII', get('/things/é'), 400],
  ['escapes that are not UTF-8', get('/things/%ff'), 400],
  ['escapes that are not UTF-8, in the query', get('/things/a?x=%c3%28'), 400],
  ['an overlong slash', get('/things/%c0%af'), 400],
  ['a fragment', get('/things/a#b'), 400],
  ['a NUL', get('/things/a%00b'), 400],
  ['a NUL in the query', get('/things/a?x=%00'), 400],
  ['a line break in escapes', get('/things/a%0D%0Ab'), 200],
  ['a path that has a name of its own', get('/things/batch'), 405],
  ['half an escape', get('/things/a?x=%2'), 400],
  ['a parameter', get('/things/a?x=1&y=1'), 200],
  ['a parameter twice', get('/things/a?x=1&x=2'), 400],
  ['a parameter twice, once in escapes', get('/things/a?x=1&%78=2'), 400],
  ['empty parameters', get('/things/a?&&'), 200],
  ['100 headers', get('/things/a', ...Array.from({ length: 98 }, (_, at) => `X-${at}: y`)), 200],
  ['101 headers', get('/things/a', ...Array.from({ length: 99 }, (_, at) => `X-${at}: y`)), 431],
  ['3,000 headers', get('/things/a', ...Array.from({ length: 3000 }, () => 'a:')), 431],
  ['two hosts', get('/things/a', 'Host: localhost'), 400],
  ['two keys', get('/things/a', 'Authorization: Bearer a', 'authorization: Bearer b'), 400],
  ['two accepts', get('/things/a', 'Accept: a/b', 'Accept: c/d'), 200],
  [
    'two types of a body',
    `${head('/length', 'content-type: text/plain', 'Content-Length: 2', 'Connection: close')}{}`,
    400,
  ],
  ['a type with two charsets', `${TWO_CHARSETS}{}`, 415],
  ['chunks', chunked('1.1', 'Chunked'), 200],
  ['chunks in HTTP/1.0', chunked('1.0', 'chunked'), 400],
  ['chunks of gzip', chunked('1.1', 'gzip, chunked'), 400],
  ['chunks twice', chunked('1.1', 'chunked, chunked'), 400],
  ['a coding that is none', chunked('1.1', 'xchunked'), 400],
  ['an expectation that nobody knows', get('/things/a', 'Expect: miracles'), 200],
  ['a whole URL', get('http://localhost/things/a'), 200],
  ['a whole URL of another host', get('http://evil.example/things/a'), 403],
  ['a whole URL of no host', get('http:///things/a'), 403],
  ['another version', get('/things/a').replace('HTTP/1.1', 'HTTP/2.0'), 400],
  ['another scheme', get('ftp://localhost/things/a'), 404],
];
for (const [name, bytes, status] of rows) {
  test(`${name}: ${status}`, async () => {
    const answer = await raw(bytes);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    if (status !== 200) assert.match(answer, /application\/problem\+json/);
  });
}

for (const [name, line] of [
  ['an empty coding', 'Transfer-Encoding:'],
  ['a coding that is none', 'Transfer-Encoding: xchunked'],
  ['two hosts', 'Host: localhost'],
] as const) {
  test(`${name}: nothing behind it on its connection is taken for a request`, async () => {
    const before = counted;
    const behind = head('/length', 'Content-Length: 2');
    const answer = await raw(`${head('/length', line)}${behind}{}${behind}{}`);
    assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1);
    assert.match(answer, /^HTTP\/1.1 400 [\s\S]*connection: close/i);
    assert.equal(counted, before);
  });
}

test('they do not pile up behind an answer that takes long: the connection ends', async () => {
  const broken = head('/length', 'Transfer-Encoding:');
  const behind = head('/length', 'Content-Length: 0').repeat(1000);
  const socket = open();
  socket.write(`${head('/never', 'Content-Length: 0')}${broken}${behind}`);
  await new Promise((resolve) => socket.once('close', resolve));
});

test('an offer of a WebSocket with a body is none: the body is read', async () => {
  const offer = ['Connection: Upgrade, close', 'Upgrade: websocket', 'Content-Length: 2'];
  const answer = await raw(`${head('/length', ...offer)}{}`);
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*"bytes":2/);
});

test('a whole URL says the host, whatever the header says', async () => {
  const bytes = get('http://127.0.0.1:1/things/a?x=1').replace('localhost', 'evil.example');
  assert.match(await raw(bytes), /"x":"1","host":"127\.0\.0\.1:1"/);
  assert.match(await raw(get('http://localhost?x=1')), /^HTTP\/1.1 404 /);
});

test('who asks before the body is sent is told to only where it is wanted', async () => {
  const expecting = ['Content-Length: 2', 'Expect: 100-continue', 'Connection: close'];
  const answered = await raw(`${head('/length', ...expecting)}{}`);
  assert.match(answered, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
  const refused = await raw(head('/nothing', ...expecting));
  assert.match(refused, /^HTTP\/1.1 404 /);
  const closing = await raw(head('/nothing', 'Content-Length: 2', 'Expect: 100-continue'));
  assert.match(closing, /^HTTP\/1.1 404 [\s\S]*connection: close/i);
});

test('every answer is dressed: what is found, what is not, and what is no HTTP', async () => {
  const good = (await call('/length', post('{}'))).headers;
  const missing = (await call('/nothing')).headers;
  for (const headers of [good, missing]) {
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.equal(headers.get('server'), null);
    assert.equal(headers.get('x-powered-by'), null);
  }
  for (const bytes of ['hello\r\n\r\n', get('/%ZZ')]) {
    assert.match(await raw(bytes), /^HTTP\/1.1 400 [\s\S]*x-content-type-options: nosniff/i);
  }
});
