import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { connectionsMaxFor, descriptorsMax } from './connections-max.js';

const rows = [
  { name: 'as many as ever', descriptors: 1_048_576, concurrency: 8, max: 4096 },
  { name: 'no limit at all', descriptors: Number.POSITIVE_INFINITY, concurrency: 8, max: 4096 },
  { name: 'just enough for all', descriptors: 4096 + 40 + 16, concurrency: 8, max: 4096 },
  { name: 'one too few for all', descriptors: 4096 + 40 + 15, concurrency: 8, max: 4095 },
  { name: 'what programs leave', descriptors: 1024, concurrency: 64, max: 856 },
  { name: 'one client at least', descriptors: 32, concurrency: 64, max: 1 },
];

test.each(rows)('connections: $name', ({ descriptors, concurrency, max }) => {
  assert.equal(connectionsMaxFor(descriptors, concurrency), max);
});

test('the limit is the soft one of the file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozo-limits-'));
  const file = join(folder, 'limits');
  const line = (soft: string) =>
    `Max processes  7  7  processes\nMax open files    ${soft}   99  files\n`;
  writeFileSync(file, line('64'));
  assert.equal(descriptorsMax(file), 64);
  writeFileSync(file, line('unlimited'));
  assert.equal(descriptorsMax(file), Number.POSITIVE_INFINITY);
  writeFileSync(file, 'Max processes  7  7  processes\n');
  assert.throws(() => descriptorsMax(file), /no line of open files/);
  rmSync(folder, { recursive: true });
  assert.ok(descriptorsMax() > 0, 'this very process has one');
});
