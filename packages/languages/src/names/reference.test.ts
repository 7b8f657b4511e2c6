import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseReference } from './reference.js';

const names = ['python', 'c++', 'g++', '71'];
const rows = [
  { text: 'python', reference: { name: 'python' } },
  { text: ' Python ', reference: { name: 'python' } },
  { text: '71', reference: { name: '71' } },
  { text: 'python@3.11', reference: { name: 'python', version: '3.11' } },
  { text: 'python@3.11+data', reference: { name: 'python', version: '3.11', variant: 'data' } },
  { text: 'python+data', reference: { name: 'python', variant: 'data' } },
  { text: 'c++', reference: { name: 'c++' } },
  { text: 'g++@12', reference: { name: 'g++', version: '12' } },
  { text: 'C+++data', reference: { name: 'c++', variant: 'data' } },
  { text: 'nope+x', reference: { name: 'nope+x' } },
  { text: '', reference: { name: '' } },
];
for (const { text, reference } of rows) {
  test(`'${text}'`, () =>
    assert.deepEqual(
      parseReference(text, (name) => names.includes(name)),
      reference,
    ));
}
