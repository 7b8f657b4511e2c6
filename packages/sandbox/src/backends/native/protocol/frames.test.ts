import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeFrames,
  type Frame,
  FrameError,
  frame,
  frameDecoder,
  HEADER_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
} from './frames.js';

const anyFrame = fc
  .record({
    type: fc.string(),
    members: fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ type, members, payload }) => frame(overJson({ ...members, type }), payload));

function overJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function decodeAll(chunks: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = [];
  const decode = frameDecoder(({ header, payload }) => {
    frames.push({ header, payload: Uint8Array.from(payload) });
  });
  for (const chunk of chunks) decode(Buffer.from(chunk));
  return frames;
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index]));
}

function prefix(headerBytes: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(headerBytes, 0);
  bytes.writeUInt32LE(payloadBytes, 4);
  return bytes;
}

describe('encoding and decoding', () => {
  test('any split of a stream into chunks decodes to the frames that were encoded', () => {
    fc.assert(
      fc.property(fc.array(anyFrame), fc.array(fc.nat()), (frames, cuts) => {
        const bytes = Buffer.concat(encodeFrames(frames));
        expect(decodeAll(cutAt(bytes, cuts))).toEqual(frames);
      }),
    );
  });

  test('a stream that arrives byte by byte decodes as well', () => {
    const frames = [
      frame({ type: 'a' }),
      frame({ type: 'ü' }, Uint8Array.of(1, 2)),
      frame({ type: 'b' }),
    ];
    const bytes = Buffer.concat(encodeFrames(frames));
    expect(decodeAll(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(frames);
  });

  test('small frames leave in one piece, and a large payload is not copied', () => {
    const large = new Uint8Array(PAYLOAD_BYTES_MAX);
    const small = frame({ type: 'small' }, Uint8Array.of(1));
    const pieces = encodeFrames([small, small, frame({ type: 'large' }, large), small, small]);
    expect(pieces).toHaveLength(3);
    expect(pieces[1]).toBe(large);
  });
});

describe('bounds', () => {
  const rows = [
    { name: 'a header of 1 byte', bytes: prefix(1, 0) },
    { name: 'a header one past its bound', bytes: prefix(HEADER_BYTES_MAX + 1, 0) },
    { name: 'a payload one past its bound', bytes: prefix(2, PAYLOAD_BYTES_MAX + 1) },
    { name: 'a header that is not JSON', bytes: Buffer.concat([prefix(2, 0), Buffer.from('{]')]) },
    { name: 'a header without a type', bytes: Buffer.concat([prefix(2, 0), Buffer.from('{}')]) },
    { name: 'a header that is a list', bytes: Buffer.concat([prefix(2, 0), Buffer.from('[]')]) },
    { name: 'a header that is null', bytes: Buffer.concat([prefix(4, 0), Buffer.from('null')]) },
  ];
  for (const { name, bytes } of rows) {
    test(`${name} is refused`, () => {
      expect(() => decodeAll([bytes])).toThrow(FrameError);
    });
  }

  test('the longest header and the longest payload pass, one byte more is not encoded', () => {
    const type = 'x'.repeat(HEADER_BYTES_MAX - '{"type":""}'.length);
    const longest = frame({ type }, new Uint8Array(PAYLOAD_BYTES_MAX));
    const [decoded] = decodeAll(encodeFrames([longest]));
    expect(decoded?.header).toEqual({ type });
    expect(decoded?.payload.length).toBe(PAYLOAD_BYTES_MAX);
    expect(() => encodeFrames([frame({ type: `${type}x` })])).toThrow(FrameError);
    const tooMuch = new Uint8Array(PAYLOAD_BYTES_MAX + 1);
    expect(() => encodeFrames([frame({ type: '' }, tooMuch)])).toThrow(FrameError);
  });

  test('garbage decodes to frames or is refused, and never anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        try {
          decodeAll(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });

  test('garbage behind lengths that are allowed is refused as well', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 64 }), (garbage) => {
        const chunks = [prefix(garbage.length, 0), garbage];
        try {
          expect(typeof decodeAll(chunks)[0]?.header.type).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });
});
