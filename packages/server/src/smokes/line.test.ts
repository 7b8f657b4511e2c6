import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createLine } from './line.js';

function world(atOnceMax: number) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const line = createLine<{ key: string }>(({ key }) => {
    begun.push(key);
    return new Promise((resolve) => ends.set(key, resolve));
  }, atOnceMax);
  const put = (...keys: string[]) => line.put(keys.map((key) => ({ key })));
  const end = async (key: string) => {
    ends.get(key)?.();
    await new Promise(setImmediate);
  };
  return { begun, put, end };
}

test('in order, and what comes later before what still waits', async () => {
  const { begun, put, end } = world(1);
  const first = put('a', 'b', 'c');
  const second = put('x', 'y');
  for (const key of ['a', 'x', 'y']) await end(key);
  await second;
  assert.deepEqual(begun, ['a', 'x', 'y', 'b']);
  for (const key of ['b', 'c']) await end(key);
  await first;
  assert.deepEqual(begun, ['a', 'x', 'y', 'b', 'c']);
});

test('what waits or is being done already is done once, and both hear of it', async () => {
  const { begun, put, end } = world(1);
  const all = [put('a', 'b', 'c'), put('c', 'a')];
  for (const key of ['a', 'c', 'b']) await end(key);
  await Promise.all(all);
  assert.deepEqual(begun, ['a', 'c', 'b']);
  const again = put('a');
  await end('a');
  await again;
  assert.equal(begun.length, 4);
});

test('so many at once and no more', async () => {
  const { begun, put, end } = world(2);
  const all = put('a', 'b', 'c');
  assert.deepEqual(begun, ['a', 'b']);
  await end('b');
  assert.deepEqual(begun, ['a', 'b', 'c']);
  await end('a');
  await end('c');
  await all;
});
