import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'vitest';
import { GozoConnectionError, GozoProblem } from './errors.js';
import { Gozo } from './gozo.js';

let close = () => {};
afterEach(() => close());

/** A server that answers as told: what the SDK makes of answers is the subject here. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(status: number, headers: Record<string, string>, body: string): RequestListener {
  return (_request, response) => response.writeHead(status, headers).end(body);
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const PROBLEM_TYPE = { 'content-type': 'application/problem+json', 'retry-after': '3' };
const PROBLEM = {
  type: 'tag:x',
  title: 'No such language',
  status: 422,
  code: 'UNKNOWN_LANGUAGE',
  detail: 'There is no language "pyton".',
  request_id: 'req_1',
  nearest: ['python'],
  errors: [{ pointer: '/language', code: 'UNKNOWN_LANGUAGE', detail: '' }],
};

test('execute posts the request as JSON and gives back the record', async () => {
  let seen = '';
  const url = await serve((request, response) => {
    assert.equal(`${request.method} ${request.url}`, 'POST /execute');
    assert.equal(request.headers['content-type'], 'application/json');
    assert.equal(request.headers['x-request-id'], 'mine');
    request.on('data', (chunk) => {
      seen += chunk;
    });
    request.on('end', () => answer(200, JSON_TYPE, '{"status":"ok"}')(request, response));
  });
  const gozo = new Gozo({ url: `${url}/` });
  const record = await gozo.execute({ language: 'python', code: '1' }, { requestId: 'mine' });
  assert.equal(record.status, 'ok');
  assert.deepEqual(JSON.parse(seen), { language: 'python', code: '1' });
});

for (const status of [500, 503]) {
  test(`a record that comes with ${status} is a record, not an error`, async () => {
    const url = await serve(answer(status, JSON_TYPE, '{"status":"failed","error":"INTERNAL"}'));
    const record = await new Gozo({ url }).execute({ language: 'python', code: '1' });
    assert.equal(record.error, 'INTERNAL');
  });
}

test('a problem is thrown with its code, status, errors, names and time to wait', async () => {
  const url = await serve(answer(422, PROBLEM_TYPE, JSON.stringify(PROBLEM)));
  const error = await new Gozo({ url }).capabilities().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof GozoProblem);
  assert.equal(error.code, 'UNKNOWN_LANGUAGE');
  assert.equal(error.status, 422);
  assert.equal(error.message, PROBLEM.detail);
  assert.equal(error.errors[0]?.pointer, '/language');
  assert.deepEqual(error.nearest, ['python']);
  assert.equal(error.retryAfterMs, 3000);
});

for (const [name, listener] of [
  ['a page of another server', answer(200, { 'content-type': 'text/html' }, '<p>hello')],
  ['JSON cut short', answer(200, JSON_TYPE, '{"status":')],
  ['a problem that is none', answer(502, { 'content-type': 'application/problem+json' }, '{}')],
  ['a closed connection', (request) => request.socket.destroy()],
] as [string, RequestListener][]) {
  test(`${name} is a connection error that names the address`, async () => {
    const url = await serve(listener);
    await assert.rejects(new Gozo({ url }).health(), (error) => {
      assert.ok(error instanceof GozoConnectionError);
      return error.message.includes(`${url}/healthz`);
    });
  });
}

test('nothing that listens is a connection error with the reason', async () => {
  const url = await serve(() => {});
  close();
  await assert.rejects(new Gozo({ url }).diagnostics(), /ECONNREFUSED/);
});

test('an abort rejects with its reason and closes the connection', async () => {
  let tell = () => {};
  const closed = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const abort = new AbortController();
  const url = await serve((request) => {
    request.socket.once('close', () => tell());
    abort.abort(new Error('enough'));
  });
  const call = new Gozo({ url }).execute({ language: 'x', code: '' }, { signal: abort.signal });
  await assert.rejects(call, /enough/);
  await closed;
});
