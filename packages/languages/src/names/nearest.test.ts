import assert from 'node:assert/strict';
import { test } from 'vitest';
import { nearestNames } from './nearest.js';

const known = ['bash', 'c', 'cpp', 'c++', 'go', 'golang', 'java', 'javascript', 'python', 'ruby'];
const rows = [
  { name: 'pyhton', nearest: ['python'] },
  { name: 'PYTHON', nearest: ['python'] },
  { name: 'javascirpt', nearest: ['javascript', 'java'] },
  { name: 'jav', nearest: ['java', 'javascript'] },
  { name: 'pythn3', nearest: ['python'] },
  { name: 'brainfuck', nearest: [] },
  { name: '', nearest: ['c'] },
  { name: 'x'.repeat(10_000), nearest: [] },
];
for (const { name, nearest } of rows) {
  test(`'${name.slice(0, 20)}' is near [${nearest.join(', ')}]`, () =>
    assert.deepEqual(nearestNames(name, known), nearest));
}
test('at most three names are offered', () => {
  assert.equal(nearestNames('aaa', ['aab', 'aac', 'aad', 'aae']).length, 3);
});
