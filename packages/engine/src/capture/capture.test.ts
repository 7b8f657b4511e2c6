import type { SandboxResult } from '@gozolite/sandbox/backend';
import { expect, test } from 'vitest';
import { captureArtifacts, captureStage } from './capture.js';

const result: SandboxResult = {
  outcome: { kind: 'exited', exitCode: 0 },
  usage: { wallUs: 18_499, cpuUs: 17_500, memoryKb: 5120, stdoutBytes: 3, stderrBytes: 1 },
  limitsHit: [],
  stdout: Buffer.from('42\n'),
  stderr: Uint8Array.of(0xff),
  truncated: { stdout: false, stderr: false },
  artifacts: [],
  prepareMs: 1,
  prepared: false,
};

test('a result says text as text, bytes as base64 and times as whole milliseconds', async () => {
  expect(await captureStage(result)).toEqual({
    stdout: '42\n',
    stderr: '/w==',
    stderr_encoding: 'base64',
    stdout_bytes: 3,
    stderr_bytes: 1,
    exit_code: 0,
    signal: null,
    time_ms: 18,
    cpu_time_ms: 18,
    memory_kb: 5120,
  });
});

test('a signal takes the place of an exit code', async () => {
  const captured = await captureStage({
    ...result,
    outcome: { kind: 'signalled', signal: 'SIGSEGV' },
  });
  expect(captured).toMatchObject({ exit_code: null, signal: 'SIGSEGV' });
});

test('a limit is named, with how the program ended by it and all limits that it met', async () => {
  const captured = await captureStage({
    ...result,
    outcome: { kind: 'limit-exceeded', limit: 'output_kb', exitCode: null, signal: 'SIGKILL' },
    limitsHit: ['output_kb', 'processes'],
    truncated: { stdout: true, stderr: false },
  });
  expect(captured).toMatchObject({
    limit: 'output_kb',
    limits_hit: ['output_kb', 'processes'],
    truncated: { stdout: true, stderr: false },
    exit_code: null,
    signal: 'SIGKILL',
  });
});

test('artifacts carry their size, media type and encoding', async () => {
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);
  const captured = await captureArtifacts([
    { path: 'out/plot.PNG', content: png },
    { path: 'table.csv', content: Buffer.from('a,b\n') },
    { path: 'notes', content: Buffer.from('ü') },
    { path: 'core', content: Uint8Array.of(0xff) },
  ]);
  const rows = captured.map(({ path, bytes, media_type, encoding }) => [
    path,
    bytes,
    media_type,
    encoding,
  ]);
  expect(rows).toEqual([
    ['out/plot.PNG', 4, 'image/png', 'base64'],
    ['table.csv', 4, 'text/csv', 'utf8'],
    ['notes', 2, 'text/plain', 'utf8'],
    ['core', 1, 'application/octet-stream', 'base64'],
  ]);
  expect(captured[1]?.content).toBe('a,b\n');
});
