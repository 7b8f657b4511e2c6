import assert from 'node:assert/strict';
import { test } from 'vitest';
import { faultOf } from './template.js';

const good = [
  '{tool}',
  '{args}',
  '{files:.c,.h}',
  '-j{cpus}',
  '{memory_mb share=0.5}',
  '{ x }',
  '{}',
];
for (const template of good) {
  test(`${template} is good`, () => assert.equal(faultOf(template, ['tool']), undefined));
}

const bad = [
  { template: '{entri}', says: /unknown placeholder \{entri\}; known are tool, args/ },
  { template: '-x{args}', says: /must be an element of its own/ },
  { template: '{files}', says: /needs extensions/ },
  { template: '{files:c}', says: /needs extensions/ },
  { template: '{default:}', says: /needs an argument/ },
  { template: '{memory_mb shara=0.5}', says: /does not know shara=0.5/ },
  { template: '{memory_mb share=half}', says: /does not know share=half/ },
  { template: '{cpus share=0.5}', says: /does not know share=0.5/ },
];
for (const { template, says } of bad) {
  test(`${template} is refused`, () => assert.match(faultOf(template, ['tool']) ?? '', says));
}
