import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ok } from '@gozolite/contract/result';
import { afterAll, beforeAll, test } from 'vitest';
import { head, MIB, readAll, serveForTests, UNDESCRIBED } from '../app-under-test.js';
import { json } from '../route.js';

/** More than the kernel takes from us while nobody reads. */
const LONG = 'x'.repeat(24 * MIB);
let handled = 0;
let onHandled = () => {};
const { open, start, stop } = serveForTests(
  [
    {
      method: 'POST',
      path: '/long',
      document: UNDESCRIBED,
      handle: () => {
        handled += 1;
        onHandled();
        return ok(json(200, { stdout: LONG }));
      },
    },
  ],
  undefined,
  { answerBytesMax: 60 * MIB },
);
beforeAll(start);
afterAll(stop);

const ASK = `${head('/long', 'Content-Length: 2', 'Connection: close')}{}`;

test('answers that nobody takes are bounded: the one that waited longest goes', async () => {
  const sockets = [open(), open(), open()];
  for (const [at, socket] of sockets.entries()) {
    const begun = new Promise<void>((resolve) => {
      onHandled = () => {
        if (handled === at + 1) resolve();
      };
    });
    socket.pause();
    socket.write(ASK);
    await begun;
  }
  const [first, ...others] = sockets;
  assert.ok(first !== undefined);
  first.resume();
  if (!first.closed) await once(first, 'close');
  for (const socket of others) {
    const answer = await readAll(socket.resume());
    assert.ok(answer.length > LONG.length);
  }
  assert.equal(handled, 3);
});
