import assert from 'node:assert/strict';
import { test } from 'vitest';
import { incomingContext } from './incoming.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

function flagsOf(traceparent: string): number | undefined {
  return incomingContext({ traceparent, tracestate: undefined })?.traceFlags;
}

const rows = [
  { name: 'sampled', traceparent: `00-${TRACE}-${PARENT}-01`, flags: 1 },
  { name: 'not sampled', traceparent: `00-${TRACE}-${PARENT}-00`, flags: 0 },
  { name: 'flags that mean nothing here', traceparent: `00-${TRACE}-${PARENT}-fe`, flags: 0 },
  { name: 'a version to come', traceparent: `cc-${TRACE}-${PARENT}-01`, flags: 1 },
  { name: 'more of a version to come', traceparent: `cc-${TRACE}-${PARENT}-01-x`, flags: 1 },
  { name: 'more of version 00', traceparent: `00-${TRACE}-${PARENT}-01-x`, flags: undefined },
  { name: 'version ff', traceparent: `ff-${TRACE}-${PARENT}-01`, flags: undefined },
  { name: 'no trace', traceparent: `00-${'0'.repeat(32)}-${PARENT}-01`, flags: undefined },
  { name: 'no parent', traceparent: `00-${TRACE}-${'0'.repeat(16)}-01`, flags: undefined },
  { name: 'capitals', traceparent: `00-${TRACE.toUpperCase()}-${PARENT}-01`, flags: undefined },
  { name: 'too short', traceparent: `00-${TRACE.slice(1)}-${PARENT}-01`, flags: undefined },
  { name: 'nothing', traceparent: '', flags: undefined },
] as const;
for (const { name, traceparent, flags } of rows) {
  test(`traceparent: ${name}`, () => assert.equal(flagsOf(traceparent), flags));
}

function stateOf(tracestate: string, traceparent = `00-${TRACE}-${PARENT}-01`) {
  return incomingContext({ traceparent, tracestate })?.traceState?.serialize();
}

test('tracestate is kept in order, up to 512 characters, and with a traceparent alone', () => {
  assert.equal(stateOf('a=1,b=2'), 'a=1,b=2');
  assert.equal(stateOf(`a=${'1'.repeat(200)}`)?.length, 202);
  assert.equal(stateOf(`a=${'1'.repeat(511)}`), undefined);
  assert.equal(stateOf('a=1', 'nonsense'), undefined);
});
