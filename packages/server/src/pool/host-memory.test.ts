import assert from 'node:assert/strict';
import { expect, test } from 'vitest';
import { availableKb, readHostMemory, stalled } from './host-memory.js';

test('what the kernel says is read, and what it does not say is unknown', () => {
  const meminfo = 'MemTotal:       24683604 kB\nMemAvailable:   22846000 kB\nBuffers: 1 kB\n';
  expect(availableKb(meminfo)).toBe(22_846_000);
  const pressure =
    'some avg10=90.45 avg60=3.03 avg300=4.24 total=600103004\n' +
    'full avg10=0.14 avg60=1.09 avg300=2.33 total=283623818\n';
  expect(stalled(pressure)).toBe(0.14);
  expect([availableKb(''), stalled('')]).toEqual([undefined, undefined]);
});

test('this host has some memory to give, and not more than it has', () => {
  const { totalKb, availableKb: available } = readHostMemory();
  assert.ok(available !== undefined && available > 0 && available <= totalKb);
});
