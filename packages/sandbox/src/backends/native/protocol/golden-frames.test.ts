import { readFileSync } from 'node:fs';
import { CONNECTION_OUTCOMES } from '@gozolite/contract/network';
import { describe, expect, test } from 'vitest';
import { encodeFrames, type Frame, type FrameHeader, frame, frameDecoder } from './frames.js';
import { LAUNCHER_ERRORS, parseLauncherMessage } from './messages.js';

interface Golden {
  readonly name: string;
  readonly direction: 'to-launcher' | 'to-client';
  readonly header: FrameHeader;
  readonly payload_base64: string;
  readonly frame_base64: string;
}

const path = new URL('../../../../../../fixtures/launch-protocol/frames.json', import.meta.url);
const golden: readonly Golden[] = JSON.parse(readFileSync(path, 'utf8'));
const toClient = golden.filter(({ direction }) => direction === 'to-client');

function decodeOne(bytes: Buffer): Frame {
  const frames: Frame[] = [];
  frameDecoder((decoded) => frames.push(decoded))(bytes);
  const [first, ...more] = frames;
  if (first === undefined || more.length > 0) throw new Error(`${frames.length} frames, not 1`);
  return first;
}

describe.each(golden)('$direction: $name', ({ header, payload_base64, frame_base64 }) => {
  const payload = Buffer.from(payload_base64, 'base64');
  const bytes = Buffer.from(frame_base64, 'base64');

  test('encodes to these bytes', () => {
    expect(Buffer.concat(encodeFrames([frame(header, payload)]))).toEqual(bytes);
  });

  test('decodes to this header and payload', () => {
    const decoded = decodeOne(bytes);
    expect(JSON.stringify(decoded.header)).toBe(JSON.stringify(header));
    expect(Buffer.from(decoded.payload)).toEqual(payload);
  });
});

describe("the launcher's messages", () => {
  test.each(toClient)('$name is understood', ({ header, frame_base64 }) => {
    const message = parseLauncherMessage(decodeOne(Buffer.from(frame_base64, 'base64')));
    expect(message.type).toBe(header.type);
  });

  test('the fixtures show every type and every outcome', () => {
    const types = new Set(toClient.map(({ header }) => header.type));
    expect([...types].sort()).toEqual([
      'artifact',
      'diagnosis',
      'end',
      'error',
      'hello',
      'output',
      'pool_ok',
      'recipe_ok',
      'started',
      'taken',
    ]);
    const messages = toClient.map(({ header, payload_base64 }) =>
      parseLauncherMessage(frame(header, Buffer.from(payload_base64, 'base64'))),
    );
    const kinds = new Set(messages.flatMap((m) => (m.type === 'end' ? [m.outcome.kind] : [])));
    expect([...kinds].sort()).toEqual([
      'cancelled',
      'exited',
      'limit-exceeded',
      'setup-failed',
      'signalled',
    ]);
    const connections = messages.flatMap((m) => (m.type === 'end' ? (m.connections ?? []) : []));
    const ends = new Set(connections.map(({ outcome }) => outcome));
    expect([...ends].sort()).toEqual([...CONNECTION_OUTCOMES].sort());
    const codes = new Set(messages.flatMap((m) => (m.type === 'error' ? [m.code] : [])));
    expect([...codes].sort()).toEqual([...LAUNCHER_ERRORS].sort());
  });
});
