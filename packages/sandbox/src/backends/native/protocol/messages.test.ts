import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameError, frame } from './frames.js';
import { parseLauncherMessage } from './messages.js';

const end = {
  type: 'end',
  outcome: { kind: 'exited', exit_code: 3 },
  usage: { wall_us: 1, cpu_us: 2, memory_kb: 3, stdout_bytes: 4, stderr_bytes: 5 },
  limits_hit: ['disk_kb'],
  truncated: { stdout: true, stderr: false, artifacts: false },
};

test('an end says its outcome and usage in the words of the contract', () => {
  expect(parseLauncherMessage(frame(end))).toEqual({
    type: 'end',
    outcome: { kind: 'exited', exitCode: 3 },
    usage: { wallUs: 1, cpuUs: 2, memoryKb: 3, stdoutBytes: 4, stderrBytes: 5 },
    limitsHit: ['disk_kb'],
    truncated: { stdout: true, stderr: false },
    layer: undefined,
  });
});

test('members that the protocol does not name are ignored', () => {
  const more = { ...end, later: true, usage: { ...end.usage, later: {} } };
  expect(parseLauncherMessage(frame(more))).toEqual(parseLauncherMessage(frame(end)));
});

describe('what is not the protocol is refused', () => {
  const rows = [
    { name: 'an unknown type', header: { type: 'begin' } },
    { name: 'a type of Object.prototype', header: { type: 'constructor' } },
    { name: 'a member that is absent', header: { type: 'hello' } },
    { name: 'a negative count', header: { ...end, usage: { ...end.usage, wall_us: -1 } } },
    { name: 'a count with a fraction', header: { ...end, usage: { ...end.usage, cpu_us: 0.5 } } },
    {
      name: 'an outcome that only we make',
      header: { ...end, outcome: { kind: 'launcher-lost' } },
    },
    { name: 'a limit that there is not', header: { ...end, limits_hit: ['toString'] } },
    { name: 'a stream that there is not', header: { type: 'output', stream: 'log', time_us: 1 } },
    { name: 'a claim that is a number', header: { type: 'artifact', path: 'a', more: 1 } },
  ];
  test.each(rows)('$name', ({ header }) => {
    expect(() => parseLauncherMessage(frame(header))).toThrow(FrameError);
  });

  test('any header of JSON parses or is refused, and never anything else', () => {
    const types = fc.constantFrom('hello', 'output', 'artifact', 'end', 'error', 'diagnosis');
    fc.assert(
      fc.property(types, fc.dictionary(fc.string(), fc.jsonValue()), (type, members) => {
        try {
          parseLauncherMessage(frame({ ...members, type }));
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });
});
