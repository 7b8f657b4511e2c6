import assert from 'node:assert/strict';
import { test } from 'vitest';
import { collisions, globFault, pathFault } from './paths.js';

const deep = (segments: number): string => Array(segments).fill('a').join('/');

for (const path of [
  'main.py',
  'a/b.c',
  '.hidden',
  '...',
  'ä/日本',
  ' ',
  'a\\b',
  '-rf',
  'a'.repeat(255),
  'é'.repeat(127),
  deep(16),
]) {
  test(`${JSON.stringify(path.slice(0, 20))} can be a file`, () => {
    assert.equal(pathFault(path), undefined);
  });
}

for (const path of [
  '',
  '/etc/passwd',
  '../x',
  'a/../b',
  './a',
  'a/.',
  'a//b',
  'a/',
  'a\0b',
  'a'.repeat(256),
  'é'.repeat(128),
  deep(17),
]) {
  test(`${JSON.stringify(path.slice(0, 20))} is refused`, () => {
    assert.equal(typeof pathFault(path), 'string');
  });
}

test('a path given twice collides the second time', () => {
  assert.deepEqual([...collisions(['a', 'b', 'a']).keys()], [2]);
});

test('a file cannot be the folder of another, in either order', () => {
  assert.deepEqual([...collisions(['a', 'a/b']).keys()], [1]);
  assert.deepEqual([...collisions(['a/b/c', 'a/b']).keys()], [0]);
  assert.deepEqual([...collisions(['a/b', 'a/bc', 'ab']).keys()], []);
});

for (const [glob, accepted] of [
  ['*.png', true],
  ['out/**/x?[a-z].txt', true],
  ['/etc/*', false],
  ['../*', false],
  ['a/../*', false],
  ['a\0', false],
] as const) {
  test(`the glob ${JSON.stringify(glob)} is ${accepted ? 'taken' : 'refused'}`, () => {
    assert.equal(globFault(glob) === undefined, accepted);
  });
}
