import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ok } from '@gozolite/contract/result';
import { afterAll, beforeAll, test } from 'vitest';
import { head, post, readAll, serveForTests, UNDESCRIBED } from './app-under-test.js';
import { type Call, json } from './route.js';

const calls: Call[] = [];
let onCall = () => {};
const document = UNDESCRIBED;
const { call, open, start, stop } = serveForTests([
  { method: 'POST', path: '/length', document, handle: () => ok(json(200, {})) },
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
]);
beforeAll(start);
afterAll(stop);

function whole(path: string): string {
  return `${head(path, 'Content-Length: 2')}{}`;
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

test('a connection that carried other calls before aborts what is under way', async () => {
  const socket = open();
  socket.write(whole('/length'));
  await once(socket, 'data');
  const arrived = new Promise<void>((resolve) => (onCall = resolve));
  socket.write(whole('/wait'));
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
  const socket = open();
  socket.write(whole('/wait').repeat(3));
  await arrived;
  socket.destroy();
  for (const { signal } of calls.slice(before)) if (!signal.aborted) await once(signal, 'abort');
});

test('garbage behind a call under way is no answer to it: the connection closes bare', async () => {
  const arrived = new Promise<void>((resolve) => (onCall = resolve));
  const socket = open();
  socket.write(whole('/wait'));
  await arrived;
  socket.write('garbage\r\n\r\n');
  assert.equal(await readAll(socket), '');
  const signal = calls.at(-1)?.signal;
  if (signal?.aborted === false) await once(signal, 'abort');
});

test('an answer that is out leaves the calls behind it on the connection alone', async () => {
  const arrived = new Promise<void>((resolve) => {
    onCall = resolve;
  });
  const socket = open();
  socket.write(whole('/length') + whole('/wait'));
  await once(socket, 'data');
  await arrived;
  const signal = calls.at(-1)?.signal;
  assert.equal(signal?.aborted, false);
  socket.destroy();
  if (signal?.aborted === false) await once(signal, 'abort');
});

for (const [name, behind] of [
  ['an offer of a WebSocket', 'GET /length HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket'],
  ['a tunnel', 'CONNECT example.com:443 HTTP/1.1'],
] as const) {
  test(`${name} behind a call under way ends the connection, and nothing else`, async () => {
    const arrived = new Promise<void>((resolve) => (onCall = resolve));
    const socket = open();
    socket.write(whole('/wait'));
    await arrived;
    socket.write(`${behind}\r\nHost: localhost\r\n\r\n`);
    assert.equal(await readAll(socket), '');
    const signal = calls.at(-1)?.signal;
    if (signal?.aborted === false) await once(signal, 'abort');
    const both = open();
    both.write(`${whole('/wait')}${behind}\r\nHost: localhost\r\n\r\n`);
    assert.equal(await readAll(both), '');
    assert.equal((await call('/length', post('{}'))).status, 200);
  });
}
