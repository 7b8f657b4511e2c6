import assert from 'node:assert/strict';
import { INTERACTIVE_BOUNDS } from '@gozolite/contract/interactive/interactive';
import type { Line } from '@gozolite/sandbox/interaction';
import { test } from 'vitest';
import { createInput } from './input.js';

const { windowBytes } = INTERACTIVE_BOUNDS;

function listen() {
  const heard = { bytes: 0, hasEnded: false };
  const line: Line = {
    write: (bytes) => {
      assert.ok(!heard.hasEnded, 'input after its end');
      heard.bytes += bytes.length;
    },
    end: () => {
      heard.hasEnded = true;
    },
    ...{ signal: () => {}, resize: () => {}, pause: () => {}, resume: () => {} },
  };
  return { heard, line };
}

test('what is typed before the program runs goes to it when it does', () => {
  const { heard, line } = listen();
  const input = createInput();
  input.add(Buffer.from('ab'));
  input.end();
  assert.equal(heard.bytes, 0);
  input.open(line);
  assert.deepEqual(heard, { bytes: 2, hasEnded: true });
});

test('of what the program does not take, one window and one piece are under way at most', () => {
  const { heard, line } = listen();
  const input = createInput();
  input.open(line);
  input.add(Buffer.alloc(8 * windowBytes));
  assert.equal(heard.bytes, windowBytes);
  assert.ok(input.isFull());
  input.end();
  for (let taken = 0; taken < 8 * windowBytes; taken += 1000) {
    input.taken(taken);
    assert.ok(heard.bytes - taken < 2 * windowBytes);
  }
  assert.deepEqual(heard, { bytes: 8 * windowBytes, hasEnded: true });
  assert.ok(!input.isFull());
});

test('who keeps to the window is always read from', () => {
  const { line } = listen();
  const input = createInput();
  input.open(line);
  for (let sent = 0; sent < windowBytes; sent += 1024) {
    input.add(Buffer.alloc(1024));
    assert.ok(!input.isFull());
  }
});
