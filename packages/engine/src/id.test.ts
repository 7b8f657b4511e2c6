import { expect, test } from 'vitest';
import { makeExecutionId } from './id.js';

test('an id is exe_ and a UUIDv7 with its time in front', () => {
  const id = makeExecutionId(0x017f22e279b0, () => new Uint8Array(10).fill(0xff));
  expect(id).toBe('exe_017f22e2-79b0-7fff-bfff-ffffffffffff');
});

test('ids of later milliseconds sort later, and those of one differ', () => {
  expect(makeExecutionId(1_000) < makeExecutionId(1_001)).toBe(true);
  expect(makeExecutionId(1_000)).not.toBe(makeExecutionId(1_000));
});
