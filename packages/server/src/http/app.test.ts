import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ok, refuse } from '@gozolite/contract/result';
import { afterAll, beforeAll, test } from 'vitest';
import { head, type Init, MIB, post, serveForTests, UNDESCRIBED } from './app-under-test.js';
import { json } from './route.js';

const document = UNDESCRIBED;
const { call, open, raw, start, stop } = serveForTests([
  {
    method: 'POST',
    path: '/length',
    document,
    handle: ({ body }) => ok(json(200, { bytes: body.length })),
  },
  { method: 'GET', path: '/length', document, handle: () => ok(json(200, {})) },
  {
    method: 'POST',
    path: '/refuse',
    document,
    handle: () => refuse({ code: 'OVERLOADED', detail: 'No.', retryAfterMs: 1001 }),
  },
  {
    method: 'POST',
    path: '/fail',
    document,
    handle: () => {
      throw new Error('a secret of the server');
    },
  },
]);
beforeAll(start);
afterAll(stop);

function problemIn(response: string): Record<string, unknown> {
  assert.match(response, /content-type: application\/problem\+json/i);
  return JSON.parse(response.slice(response.indexOf('\r\n\r\n')));
}

test('a body of 32 MiB arrives, one byte more is 413', async () => {
  assert.deepEqual((await call('/length', post(Buffer.alloc(32 * MIB, 0x20)))).body, {
    bytes: 32 * MIB,
  });
  const refused = await call('/length', post(Buffer.alloc(32 * MIB + 1, 0x20)));
  assert.equal(refused.status, 413);
  assert.equal(refused.body.code, 'BODY_TOO_LARGE');
});

test('a body of 32 MiB and more without an announced length is 413', async () => {
  const chunk = Buffer.alloc(MIB, 0x20);
  const body = new ReadableStream({
    start(controller) {
      for (let count = 0; count < 33; count += 1) controller.enqueue(chunk);
      controller.close();
    },
  });
  const init = { ...post(''), body, duplex: 'half' } as Init;
  assert.equal((await call('/length', init)).body.code, 'BODY_TOO_LARGE');
});

test('bodies past the budget of all are OVERLOADED, and small ones pass', async () => {
  const sockets = [open(), open()];
  for (const socket of sockets) {
    socket.write(head('/length', `Content-Length: ${32 * MIB}`, 'Expect: 100-continue'));
    const [continued] = await once(socket, 'data');
    assert.match(String(continued), /100 Continue/);
  }
  const refused = await call('/length', post(Buffer.alloc(MIB)));
  assert.equal(refused.body.code, 'OVERLOADED');
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await call('/length', post('{}'))).status, 200);
  for (const socket of sockets) socket.destroy();
  while ((await call('/length', post(Buffer.alloc(MIB)))).status !== 200);
});

for (const [name, headers, status] of [
  ['no type', {}, 415],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['text', { 'content-type': 'text/plain' }, 415],
  ['nonsense', { 'content-type': ';;' }, 415],
  ['another charset', { 'content-type': 'application/json; charset=latin1' }, 415],
  ['gzip', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415],
  ['JSON', { 'content-type': 'application/json' }, 200],
  ['JSON in capitals', { 'content-type': 'Application/JSON' }, 200],
  ['JSON in UTF-8', { 'content-type': 'application/json; charset=utf-8' }, 200],
  ['JSON in "UTF-8"', { 'content-type': 'application/json;charset="UTF-8"' }, 200],
] as const) {
  test(`a body that says it is ${name}: ${status}`, async () => {
    const init: Init = { method: 'POST', headers, body: Buffer.from('{}') as unknown as string };
    const answer = await call('/length', init);
    assert.equal(answer.status, status);
    if (status === 415) assert.equal(answer.body.code, 'UNSUPPORTED_MEDIA_TYPE');
  });
}

test('an unknown path is 404, whatever the method and body', async () => {
  assert.equal((await call('/nothing')).body.code, 'NOT_FOUND');
  const init: Init = { method: 'POST', body: 'x', headers: { 'content-type': 'text/x' } };
  assert.equal((await call('/nothing', init)).body.code, 'NOT_FOUND');
});

for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
  test(`${method} is 405 and names what is allowed`, async () => {
    const answer = await call('/length?x=1', { method });
    assert.equal(answer.body.code, 'METHOD_NOT_ALLOWED');
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get('allow'), 'POST, GET, HEAD');
  });
}

test('a method that the router has never heard of is a problem too', async () => {
  const response = await raw(
    'PROPFIND /length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  assert.equal(problemIn(response).code, 'METHOD_NOT_ALLOWED');
});

for (const [method, target, status, allow] of [
  ['CONNECT', 'example.com:443', 405, ''],
  ['CONNECT', '/length', 405, 'POST, GET, HEAD'],
  ['TRACE', '/length', 405, 'POST, GET, HEAD'],
  ['TRACE', '/nothing', 404, undefined],
  ['QUERY', '/length', 405, 'POST, GET, HEAD'],
] as const) {
  test(`${method} ${target} is ${status}, and its connection ends`, async () => {
    const close = method === 'QUERY' ? 'Connection: close\r\n' : '';
    const bytes = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`;
    // What stands behind is answered by nobody.
    const answer = await raw(`${bytes}GET /length HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*connection: close`, 'i'));
    assert.match(answer, /x-content-type-options: nosniff/i);
    assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1);
    assert.equal(/^allow: *([^\r]*)\r$/im.exec(answer)?.[1], allow);
  });
}

test('HEAD is GET without its body', async () => {
  assert.equal((await call('/length', { method: 'HEAD' })).status, 200);
});

for (const [name, id, kept] of [
  ['a sane one', 'trace-1.2:a/b+c=d@e_f', true],
  ['128 characters', 'a'.repeat(128), true],
  ['129 characters', 'a'.repeat(129), false],
  ['a space', 'a b', false],
  ['a quote', 'a"b', false],
] as const) {
  test(`X-Request-Id: ${name} is ${kept ? 'kept' : 'replaced'}, in problems too`, async () => {
    const { headers, body } = await call('/nothing', { headers: { 'x-request-id': id } });
    assert.equal(headers.get('x-request-id') === id, kept);
    assert.equal(body.request_id, headers.get('x-request-id'));
  });
}

test('a refusal has its status, its media type and Retry-After in whole seconds', async () => {
  const { status, headers, body } = await call('/refuse', post('{}'));
  assert.equal(status, 503);
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(headers.get('retry-after'), '2');
  assert.equal(body.status, 503);
  assert.equal(body.detail, 'No.');
});

test('what the server does wrong is INTERNAL, and its reason stays inside', async () => {
  const { status, body } = await call('/fail', post('{}'));
  assert.equal(status, 500);
  assert.equal(body.code, 'INTERNAL');
  assert.doesNotMatch(JSON.stringify(body), /secret/);
});

for (const [name, bytes, code] of [
  ['no HTTP at all', 'hello\r\n\r\n', 'BAD_REQUEST'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00', 'BAD_REQUEST'],
  [
    'headers over 16 KiB',
    `GET /length HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`,
    'HEADERS_TOO_LARGE',
  ],
  ['two lengths', head('/length', 'Content-Length: 1', 'Content-Length: 2'), 'BAD_REQUEST'],
  [
    'a length and chunks',
    head('/length', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
    'BAD_REQUEST',
  ],
  ['a bad chunk', `${head('/length', 'Transfer-Encoding: chunked')}ZZ\r\n`, 'BAD_REQUEST'],
  ['no Host', 'GET /length HTTP/1.1\r\nConnection: close\r\n\r\n', 'BAD_REQUEST'],
  [
    'a malformed target',
    'GET /%ZZ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'BAD_REQUEST',
  ],
] as const) {
  test(`${name}: ${code}, and the connection closes`, async () => {
    assert.equal(problemIn(await raw(bytes)).code, code);
  });
}
