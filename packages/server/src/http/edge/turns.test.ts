import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ok } from '@gozolite/contract/result';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import { readAll, serveForTests, UNDESCRIBED } from '../app-under-test.js';
import { json, type Route } from '../route.js';

const WAVE = 300;
/** Of a wave so many may have begun by the time that health is answered, which came last. */
const BEGUN_MAX = 10;

const begun: string[] = [];
let begunBeforeHealth = 0;
let onBegun = () => {};
const begins: Route['handle'] = ({ params }) => {
  begun.push(params.id ?? '');
  onBegun();
  return ok(json(200, {}));
};
const prompt = (path: string, access: 'open' | 'admin' | 'metrics'): Route => ({
  ...{ method: 'GET', path, document: { ...UNDESCRIBED, access } },
  handle: () => {
    begunBeforeHealth = begun.length;
    return ok(json(200, {}));
  },
});
const { open, server, start, stop } = serveForTests([
  prompt('/healthz', 'open'),
  prompt('/metrics', 'metrics'),
  prompt('/admin/tenants/{id}', 'admin'),
  { method: 'POST', path: '/programs/{id}', document: UNDESCRIBED, handle: begins },
]);
beforeAll(start);
afterAll(stop);
beforeEach(() => {
  begun.length = 0;
});

const END = 'Connection: close\r\n';
const post = (id: number | string, more = ''): string =>
  `POST /programs/${id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
  `Content-Length: 2\r\n${more}\r\n{}`;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${END}\r\n`;

async function connected(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at += 1) {
    const socket = open();
    await once(socket, 'connect');
    sockets.push(socket);
  }
  return sockets;
}

for (const path of ['/healthz', '/metrics', '/admin/tenants/a', '/healthz?x=1']) {
  test(`${path} is answered before a wave that arrived before it`, async () => {
    const sockets = await connected(WAVE);
    const [health] = await connected(1);
    assert.ok(health !== undefined);
    for (const [at, socket] of sockets.entries()) socket.write(post(at, END));
    health.write(get(path));
    const answers = Promise.all(sockets.map(readAll));
    assert.match(await readAll(health), /^HTTP\/1.1 200 /);
    assert.ok(begunBeforeHealth <= BEGUN_MAX, `${begunBeforeHealth} had begun`);
    for (const answer of await answers) assert.match(answer, /^HTTP\/1.1 200 /);
    const order = Array.from({ length: WAVE }, (_, at) => String(at));
    assert.deepEqual(begun, order);
  });
}

test('a request that is alone begins in the turn in which it arrives', async () => {
  const [socket] = await connected(1);
  assert.ok(socket !== undefined);
  // Its connection came in long ago; one that it comes in with is no crowd either.
  for (const make of [() => socket, open]) {
    const lone = make();
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    server.once('request', () => setImmediate(count));
    const began = new Promise<number>((resolve) => {
      onBegun = () => resolve(turns);
    });
    lone.write(post('lone', END));
    assert.equal(await began, 0);
    isOver = true;
    await readAll(lone);
  }
});

test('behind one that waits a misframed one is judged as it arrives: nothing passes', async () => {
  const sockets = await connected(20);
  const [last] = sockets.slice(-1);
  assert.ok(last !== undefined);
  for (const [at, socket] of sockets.slice(0, -1).entries()) socket.write(post(at, END));
  const misframed = post('misframed', 'Host: localhost\r\n');
  last.write(`${post('good')}${misframed}${post('hidden')}${get('/healthz')}`);
  const [answer] = await Promise.all([readAll(last), ...sockets.slice(0, -1).map(readAll)]);
  assert.match(String(answer), /^HTTP\/1.1 200 [\s\S]*HTTP\/1.1 400 [\s\S]*connection: close/i);
  assert.equal(String(answer).match(/HTTP\/1\.1 \d/g)?.length, 2);
  assert.ok(begun.includes('good'));
  assert.ok(!begun.includes('hidden') && !begun.includes('misframed'));
});

test('pipelined requests begin and are answered in their order', async () => {
  const [one, two] = await connected(2);
  assert.ok(one !== undefined && two !== undefined);
  two.write(post('other', END));
  one.write([1, 2, 3].map((id) => post(id)).join('') + post(4, END));
  const [answer] = await Promise.all([readAll(one), readAll(two)]);
  assert.equal(answer.match(/HTTP\/1\.1 200/g)?.length, 4);
  assert.deepEqual(
    begun.filter((id) => id !== 'other'),
    ['1', '2', '3', '4'],
  );
});

test('more than 64 of one connection do not wait: it is told so, and ends', async () => {
  const [socket] = await connected(1);
  assert.ok(socket !== undefined);
  socket.write(Array.from({ length: 100 }, (_, at) => post(at)).join(''));
  const answer = await readAll(socket);
  assert.match(answer, /HTTP\/1.1 503 [\s\S]*OVERLOADED/);
  assert.ok(begun.length >= 64 && begun.length < 100, `${begun.length} began`);
});

test('whose client goes while it waits never begins', async () => {
  const sockets = await connected(50);
  for (const [at, socket] of sockets.entries()) socket.write(post(at, END));
  const gone = new Set<string>();
  const isOver = new Promise<void>((resolve) => {
    onBegun = () => {
      // From within the first: all of them have arrived.
      if (gone.size > 0) return;
      for (const [at, socket] of sockets.entries()) {
        if (at < 25) continue;
        socket.resetAndDestroy();
        gone.add(String(at));
      }
      resolve();
    };
  });
  await isOver;
  onBegun = () => {};
  await Promise.all(sockets.slice(0, 25).map(readAll));
  const [after] = await connected(1);
  after?.write(post('after', END));
  assert.match(await readAll(after as Socket), /^HTTP\/1.1 200 /);
  assert.equal(begun.length, 26, begun.join(' '));
});

test('a misframed one is told so in a wave too, before what is behind it closes all', async () => {
  const sockets = await connected(20);
  const [last] = sockets.slice(-1);
  for (const [at, socket] of sockets.slice(0, -1).entries()) socket.write(post(at, END));
  const misframed = post('x', 'Transfer-Encoding: xchunked\r\n');
  last?.write(misframed.replace('Content-Length: 2\r\n', ''));
  const [answer] = await Promise.all([readAll(last as Socket), ...sockets.map(readAll)]);
  assert.match(String(answer), /^HTTP\/1.1 400 /);
});
