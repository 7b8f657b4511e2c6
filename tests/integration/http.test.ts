import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { get, load, run, testUrl } from './client.js';

function open(): Socket {
  const { hostname, port } = new URL(testUrl());
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('utf8');
}

const HEAD = 'POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

function requestText(body: string, headers = ''): string {
  return `${HEAD}Content-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

const SLEEP = JSON.stringify({
  language: 'bash',
  code: 'sleep 50',
  limits: { wall_time_ms: 60_000 },
});

async function untilRunning(count: number): Promise<void> {
  await eventually(`${count} running`, 10_000, async () =>
    (await load()).running === count ? true : undefined,
  );
}

test('a client that aborts cancels its execution at once', async () => {
  const abort = new AbortController();
  const call = fetch(`${testUrl()}/execute`, {
    method: 'POST',
    body: SLEEP,
    headers: { 'content-type': 'application/json' },
    signal: abort.signal,
  }).catch(() => 'aborted');
  await untilRunning(1);
  abort.abort();
  assert.equal(await call, 'aborted');
  const goneMs = performance.now();
  await untilRunning(0);
  assert.ok(performance.now() - goneMs < 1000);
});

for (const [name, leave] of [
  ['closes', (socket: Socket) => socket.destroy()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ['half-closes', (socket: Socket) => socket.end()],
] as const) {
  test(`a client that ${name} its connection cancels its execution`, async () => {
    const socket = open();
    socket.write(requestText(SLEEP));
    await untilRunning(1);
    leave(socket);
    await untilRunning(0);
    socket.destroy();
  });
}

test('two pipelined executions answer in order, and end with their connection', async () => {
  const socket = open();
  const echo = (text: string) =>
    requestText(JSON.stringify({ language: 'bash', code: `echo ${text}` }));
  socket.write(echo('first') + echo('second'));
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('utf8');
  });
  await eventually('both answers', 10_000, () => (received.includes('second') ? true : undefined));
  assert.ok(received.indexOf('first') < received.indexOf('second'));
  socket.write(requestText(SLEEP) + requestText(SLEEP));
  await untilRunning(2);
  socket.destroy();
  await untilRunning(0);
});

test('a connection serves one execution after the other', async () => {
  for (let count = 0; count < 20; count += 1) {
    assert.equal((await run({ language: 'bash', code: `echo ${count}` })).stdout, `${count}\n`);
  }
});

for (const [name, text, status] of [
  ['no HTTP', 'hello there\r\n\r\n', 400],
  [
    'headers over 16 KiB',
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`,
    431,
  ],
  ['another host', 'GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', 403],
  ['no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  [
    'a body with two lengths',
    'POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    400,
  ],
] as const) {
  test(`${name}: a problem with ${status}, and the connection closes`, async () => {
    const socket = open();
    socket.write(text);
    const received = await readAll(socket);
    assert.match(received, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(received, /content-type: application\/problem\+json/i);
  });
}

// These two wait for the server's clock: headers 10 s, the whole request 30 s.
test('slow clients are told 408, and meanwhile all others are served', {
  timeout: 60_000,
}, async () => {
  const startedMs = performance.now();
  const headers = open();
  headers.write('POST /execute HTTP/1.1\r\nHost: localhost\r\n');
  const body = open();
  body.write(`${HEAD}Content-Length: 100\r\n\r\n{`);
  const drip = setInterval(() => body.write(' '), 1000);
  const silent = Array.from({ length: 200 }, open);
  const late = [readAll(headers), readAll(body)];
  assert.equal((await run({ language: 'bash', code: 'echo served' })).stdout, 'served\n');
  assert.match((await late[0]) ?? '', /^HTTP\/1.1 408 [\s\S]*REQUEST_TIMEOUT/);
  const headersMs = performance.now() - startedMs;
  assert.ok(headersMs > 9_500 && headersMs < 13_000, `${headersMs} ms`);
  assert.match((await late[1]) ?? '', /^HTTP\/1.1 408 [\s\S]*REQUEST_TIMEOUT/);
  const bodyMs = performance.now() - startedMs;
  assert.ok(bodyMs > 29_500 && bodyMs < 33_000, `${bodyMs} ms`);
  clearInterval(drip);
  for (const socket of silent) socket.destroy();
});

test('a client that never reads its answer holds up nobody', async () => {
  const socket = open();
  const code = 'head -c 16000000 /dev/zero | tr "\\0" x';
  socket.write(
    requestText(JSON.stringify({ language: 'bash', code, limits: { output_kb: 16_384 } })),
  );
  socket.pause();
  await eventually('its end', 10_000, async () =>
    (await load()).running === 0 ? true : undefined,
  );
  assert.equal((await run({ language: 'bash', code: 'echo next' })).stdout, 'next\n');
  socket.destroy();
});

test('health, readiness and diagnostics', async () => {
  assert.equal((await get<{ status: string }>('/healthz')).status, 'ok');
  assert.equal((await get<{ ready: boolean }>('/readyz')).ready, true);
  const diagnostics = await get<{ healthy: boolean; kernel: string }>('/diagnostics');
  assert.equal(diagnostics.healthy, true);
  assert.notEqual(diagnostics.kernel, '');
});
