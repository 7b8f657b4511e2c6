import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { ok, refuse } from '@gozolite/contract/result';
import { loggerOver } from '@gozolite/telemetry/logger';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, test } from 'vitest';
import { createApp } from './app.js';
import { createBodyBudget } from './body-budget.js';
import { type Call, json, type Route } from './route.js';

const MIB = 1024 * 1024;
const calls: Call[] = [];
let onCall = () => {};
let app: FastifyInstance;
let port = 0;

const document = { operationId: 'x', summary: '', answers: {}, schemas: {} };
const routes: readonly Route[] = [
  {
    method: 'POST',
    path: '/length',
    document,
    handle: ({ body }) => ok(json(200, { bytes: body.length })),
  },
  { method: 'GET', path: '/length', document, handle: () => ok(json(200, {})) },
  {
    method: 'POST',
    path: '/wait',
    document,
    handle: async (call) => {
      calls.push(call);
      onCall();
      if (!call.signal.aborted) await once(call.signal, 'abort');
      return ok(json(200, {}));
    },
  },
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
];

beforeAll(async () => {
  const log = loggerOver('silent', { write: () => {} });
  app = createApp({ routes, log, budget: createBodyBudget(64 * MIB) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(async () => {
  const closed = app.close();
  app.server.closeAllConnections();
  await closed;
});

type Init = RequestInit & { headers?: Record<string, string> };

async function call(path: string, init: Init = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  const text = await response.text();
  const body: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, body };
}

function post(body: string | Buffer, headers: Record<string, string> = {}): Init {
  const type = { 'content-type': 'application/json' };
  return { method: 'POST', body: body as string, headers: { ...type, ...headers } };
}

/** Sends bytes as they are and gives back all that comes until the server closes. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return received;
}

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
  const sockets = [1, 2].map(() => connect(port, '127.0.0.1'));
  for (const socket of sockets) {
    socket.write(
      `POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${32 * MIB}\r\nExpect: 100-continue\r\n\r\n`,
    );
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
  test(`X-Request-Id: ${name} is ${kept ? 'given back' : 'replaced'}, in problems too`, async () => {
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
  [
    'two lengths',
    'POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'BAD_REQUEST',
  ],
  [
    'a length and chunks',
    'POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'BAD_REQUEST',
  ],
  [
    'a bad chunk',
    'POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    'BAD_REQUEST',
  ],
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

test('the client that goes away aborts its call at once', async () => {
  const arrived = new Promise<void>((resolve) => (onCall = resolve));
  const abort = new AbortController();
  const answer = call('/wait', { ...post('{}'), signal: abort.signal }).catch(() => 'gone');
  await arrived;
  const signal = calls.at(-1)?.signal;
  assert.ok(signal !== undefined && !signal.aborted);
  abort.abort();
  if (!signal.aborted) await once(signal, 'abort');
  assert.equal(await answer, 'gone');
});

test('a connection that carried other calls before still aborts only what is under way', async () => {
  const socket = connect(port, '127.0.0.1');
  const head =
    'HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
  socket.write(`POST /length ${head}`);
  await once(socket, 'data');
  const arrived = new Promise<void>((resolve) => (onCall = resolve));
  socket.write(`POST /wait ${head}`);
  await arrived;
  const signal = calls.at(-1)?.signal;
  socket.resetAndDestroy();
  if (signal?.aborted === false) await once(signal, 'abort');
  assert.equal(signal?.aborted, true);
});

test('pipelined calls are all aborted when their connection closes', async () => {
  const before = calls.length;
  const arrived = new Promise<void>((resolve) => {
    onCall = () => calls.length === before + 3 && resolve();
  });
  const socket = connect(port, '127.0.0.1');
  const one =
    'POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
  socket.write(one.repeat(3));
  await arrived;
  socket.destroy();
  for (const { signal } of calls.slice(before)) if (!signal.aborted) await once(signal, 'abort');
});

test('garbage behind a call under way is no answer to it: the connection closes bare', async () => {
  const arrived = new Promise<void>((resolve) => (onCall = resolve));
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  );
  await arrived;
  socket.write('garbage\r\n\r\n');
  assert.equal(await readAll(socket), '');
  const signal = calls.at(-1)?.signal;
  if (signal?.aborted === false) await once(signal, 'abort');
});
