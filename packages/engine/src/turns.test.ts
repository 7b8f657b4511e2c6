import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createTurns } from './turns.js';

test('the first caller goes at once, the others one a turn, in order', async () => {
  const turn = createTurns();
  const passed: number[] = [];
  const all = [0, 1, 2].map((caller) => turn().then(() => passed.push(caller)));
  await Promise.resolve();
  assert.deepEqual(passed, [0]);
  for (const expected of [
    [0, 1],
    [0, 1, 2],
  ]) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(passed, expected);
  }
  await Promise.all(all);
});

test('an idle turn is free again', async () => {
  const turn = createTurns();
  await turn();
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  let isThrough = false;
  void turn().then(() => {
    isThrough = true;
  });
  await Promise.resolve();
  assert.ok(isThrough);
});
