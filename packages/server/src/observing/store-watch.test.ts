import assert from 'node:assert/strict';
import type { Row } from '@gozolite/store/sql';
import { test } from 'vitest';
import { watchStore } from './store-watch.js';

function setting(answer: () => Promise<readonly Row[]>) {
  let nowMs = 0;
  let asked = 0;
  const query = () => {
    asked += 1;
    return answer();
  };
  return {
    watch: watchStore({ query }, () => nowMs),
    asked: () => asked,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('however many ask within a second, the store is asked once', async () => {
  const { watch, asked, pass } = setting(async () => []);
  assert.deepEqual(await Promise.all([watch.isUp(), watch.isUp()]), [true, true]);
  pass(999);
  assert.equal(await watch.isUp(), true);
  assert.equal(asked(), 1);
  pass(1);
  assert.equal(await watch.isUp(), true);
  assert.equal(asked(), 2);
});

test('what it can not answer is that it is away, until it can', async () => {
  let isAway = true;
  const { watch, pass } = setting(async () => {
    if (isAway) throw new Error('ECONNREFUSED');
    return [];
  });
  assert.equal(await watch.isUp(), false);
  isAway = false;
  pass(1000);
  assert.equal(await watch.isUp(), true);
});

test('one that says nothing is away, and is not asked again meanwhile', async () => {
  let goOn = () => {};
  const silent = new Promise<readonly Row[]>((resolve) => {
    goOn = () => resolve([]);
  });
  const { watch, asked, pass } = setting(() => silent);
  assert.equal(await watch.isUp(), false);
  pass(1000);
  const second = watch.isUp();
  assert.equal(asked(), 1);
  goOn();
  assert.equal(await second, true);
});
