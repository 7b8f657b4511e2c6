import { describe, expect, test } from 'vitest';
import { createReceived } from './received.js';

const cancelled = { kind: 'cancelled' } as const;
const KIB = 1024;
const MIB = 1024 * KIB;

function output(bytes: Uint8Array, stream: 'stdout' | 'stderr' = 'stdout') {
  return { stream, timeUs: 0, bytes };
}

describe('output', () => {
  test('comes out as it came in, each stream in its own order', () => {
    const received = createReceived(1);
    for (const text of ['one ', 'two ', 'three']) {
      received.output(output(Buffer.from(text)));
      received.output(output(Buffer.from(text.toUpperCase()), 'stderr'));
    }
    const result = received.resultWithout(cancelled);
    expect(Buffer.from(result.stdout).toString()).toBe('one two three');
    expect(Buffer.from(result.stderr).toString()).toBe('ONE TWO THREE');
    expect(result.truncated).toEqual({ stdout: false, stderr: false });
  });

  const rows = [
    { name: 'at limit and slack all of it is kept', extra: 0, kept: 65 * KIB, isCut: false },
    { name: 'one byte past them it is cut', extra: 1, kept: 65 * KIB, isCut: true },
    { name: 'far past them it is cut', extra: 3 * MIB, kept: 65 * KIB, isCut: true },
  ];
  test.each(rows)('$name', ({ extra, kept, isCut }) => {
    const received = createReceived(1);
    received.output(output(new Uint8Array(KIB)));
    received.output(output(new Uint8Array(64 * KIB + extra)));
    const result = received.resultWithout(cancelled);
    expect(result.stdout.length).toBe(kept);
    expect(result.truncated.stdout).toBe(isCut);
  });
});

describe('artifacts', () => {
  const piece = (path: string, bytes: Uint8Array, more: boolean) =>
    ({ type: 'artifact', path, bytes, more }) as const;

  test('a file of several frames is one artifact', () => {
    const received = createReceived(1);
    received.artifact(piece('a', Buffer.from('he'), true));
    received.artifact(piece('a', Buffer.from('llo'), false));
    received.artifact(piece('b', Buffer.from(''), false));
    const { artifacts } = received.resultWithout(cancelled);
    expect(artifacts.map(({ path, content }) => [path, Buffer.from(content).toString()])).toEqual([
      ['a', 'hello'],
      ['b', ''],
    ]);
  });

  test('a file whose last frame never came is left out', () => {
    const received = createReceived(1);
    received.artifact(piece('a', Buffer.from('he'), true));
    expect(received.resultWithout(cancelled).artifacts).toEqual([]);
  });

  test('64 are kept and the 65th is not', () => {
    const received = createReceived(1);
    for (let made = 0; made < 65; made += 1)
      received.artifact(piece(`${made}`, Buffer.of(), false));
    expect(received.resultWithout(cancelled).artifacts).toHaveLength(64);
  });

  test('16 MiB in all are kept, and what goes past them is left out whole', () => {
    const received = createReceived(1);
    const mebibyte = new Uint8Array(MIB);
    for (let made = 1; made <= 15; made += 1) received.artifact(piece('a', mebibyte, made < 15));
    received.artifact(piece('b', mebibyte, true));
    received.artifact(piece('b', Buffer.of(1), false));
    received.artifact(piece('c', Buffer.of(), false));
    expect(received.resultWithout(cancelled).artifacts.map(({ path }) => path)).toEqual(['a']);
  });
});
