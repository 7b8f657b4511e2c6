import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConnections } from './connections.js';
import { FrameError } from './frames.js';

const connection = {
  host: 'api.example.com',
  port: 443,
  address: null,
  bytes_sent: 1,
  bytes_received: 2,
  time_ms: 3,
  outcome: 'closed',
} as const;
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

test('without a payload there was no network; an empty list is one without connections', () => {
  expect(parseConnections(new Uint8Array(0))).toBeUndefined();
  expect(parseConnections(bytes([]))).toEqual([]);
});

test('members that the protocol does not name are dropped', () => {
  expect(parseConnections(bytes([{ ...connection, later: true }]))).toEqual([connection]);
});

test.each([
  ['no JSON', Buffer.from('[')],
  ['no list', bytes({})],
  ['no objects', bytes([1])],
  ['an outcome that there is not', bytes([{ ...connection, outcome: 'toString' }])],
  ['a negative count', bytes([{ ...connection, bytes_sent: -1 }])],
  ['more than can be made', bytes(Array(130).fill(connection))],
])('%s is refused', (_, payload) => {
  expect(() => parseConnections(payload)).toThrow(FrameError);
});

test('any payload parses or is refused, and never anything else', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        parseConnections(bytes(value));
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }),
  );
});
