import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ok } from '@gozolite/contract/result';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { head, readAll, serveForTests, UNDESCRIBED } from '../app-under-test.js';
import { json } from '../route.js';

const MAX = 16;
/** An eighth of them is for what is answered at once. */
const BUSY_MAX = MAX - 2;
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

let waiting = 0;
let onWaiting = () => {};
const { open, raw, start, stop } = serveForTests(
  [
    {
      method: 'GET',
      path: '/healthz',
      document: { ...UNDESCRIBED, access: 'open' },
      handle: () => ok(json(200, {})),
    },
    {
      method: 'POST',
      path: '/wait',
      document: UNDESCRIBED,
      handle: async ({ signal }) => {
        waiting += 1;
        onWaiting();
        if (!signal.aborted) await once(signal, 'abort');
        return ok(json(200, {}));
      },
    },
  ],
  undefined,
  { connectionsMax: MAX },
);
beforeAll(start);
afterAll(stop);

const WAIT = `${head('/wait', 'Content-Length: 2')}{}`;

async function connected(): Promise<Socket> {
  const socket = open();
  await once(socket, 'connect');
  return socket;
}

async function fill(count: number, bytes: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at += 1) {
    const socket = await connected();
    socket.write(bytes);
    sockets.push(socket);
  }
  return sockets;
}

async function leave(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  // One that is taken in afterwards was accepted after those had gone.
  await raw(HEALTH);
}

describe('with few connections', () => {
  test('however many are silent, who speaks is answered, and the oldest silent go', async () => {
    const silent = await fill(4 * MAX, '');
    assert.match(await raw(HEALTH), /^HTTP\/1.1 200 /);
    const [oldest] = silent;
    if (oldest?.closed === false) await once(oldest, 'close');
    assert.equal(silent.at(-1)?.closed, false);
    await leave(silent);
  });

  test('however many send their body slowly, who speaks is answered', async () => {
    const slow = await fill(4 * MAX, `${head('/wait', 'Content-Length: 2')}{`);
    assert.match(await raw(HEALTH), /^HTTP\/1.1 200 /);
    await leave(slow);
  });

  test('what would last is 503 where too much lasts already, health is not', async () => {
    waiting = 0;
    const all = new Promise<void>((resolve) => {
      onWaiting = () => {
        if (waiting === BUSY_MAX) resolve();
      };
    });
    const busy = await fill(BUSY_MAX, WAIT);
    await all;
    const refused = await raw(WAIT);
    assert.match(refused, /^HTTP\/1.1 503 [\s\S]*connection: close[\s\S]*OVERLOADED/i);
    assert.match(refused, /retry-after: 1/i);
    assert.match(await raw(HEALTH), /^HTTP\/1.1 200 /);
    const silent = await fill(MAX, '');
    assert.match(await raw(HEALTH), /^HTTP\/1.1 200 /);
    assert.ok(busy.every(({ closed }) => !closed));
    await leave([...busy, ...silent]);
  });
});

describe('while it drains', () => {
  let isDraining = false;
  const app = serveForTests(
    [{ method: 'GET', path: '/x', document: UNDESCRIBED, handle: () => ok(json(200, {})) }],
    undefined,
    { isDraining: () => isDraining },
  );
  beforeAll(app.start);
  afterAll(app.stop);

  test('each answer is the last of its connection', async () => {
    const socket = app.open();
    const ask = 'GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n';
    socket.write(ask);
    const [first] = await once(socket, 'data');
    assert.match(String(first), /connection: keep-alive/i);
    isDraining = true;
    socket.write(ask);
    assert.match(await readAll(socket), /connection: close/i);
  });
});
