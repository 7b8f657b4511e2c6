import assert from 'node:assert/strict';
import type { Execution } from '@gozolite/contract/execution';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { test } from 'vitest';
import { cuts, exitCodeOf, explain } from './exit-code.js';

const { defaults } = limitPolicyFor(2, 4 * 1024 * 1024).run;
const record: Execution = {
  id: 'exe_1',
  request_id: 'req_1',
  tenant: 'local',
  created_at: '2026-01-01T00:00:00.000Z',
  status: 'ok',
  stdout: '',
  stderr: '',
  stdout_bytes: 0,
  stderr_bytes: 0,
  exit_code: 0,
  signal: null,
  time_ms: 1,
  cpu_time_ms: 1,
  memory_kb: 1,
  timings: { queue_ms: 0, prepare_ms: 0, compile_ms: 0, run_ms: 0, total_ms: 0 },
  language: { id: 'c', version: null, toolchain: null },
  limits: { run: defaults },
  isolation: { backend: 'native', level: 'full', layers: [], missing: [] },
  prepared: false,
};

const rows: readonly (readonly [string, Partial<Execution>, number, RegExp | undefined])[] = [
  ['ok', {}, 0, undefined],
  ['an exit code of its own', { status: 'runtime_error', exit_code: 7 }, 7, undefined],
  ['SIGSEGV', { status: 'runtime_error', exit_code: null, signal: 'SIGSEGV' }, 139, /SIGSEGV/],
  ['a compile error', { status: 'compile_error', stage: 'compile' }, 65, /compiler refused/],
  [
    'its time',
    { status: 'time_limit_exceeded', stage: 'run', limit: 'wall_time_ms' },
    124,
    /wall_time_ms is 10000 \(--wall-time-ms\)/,
  ],
  [
    'its memory',
    { status: 'memory_limit_exceeded', stage: 'run', limit: 'memory_kb' },
    137,
    /the program reached its limit: memory_kb/,
  ],
  [
    'the compiler out of memory',
    { status: 'memory_limit_exceeded', stage: 'compile', limit: 'memory_kb' },
    137,
    /the compiler reached/,
  ],
  ['its output', { status: 'output_limit_exceeded', limit: 'output_kb' }, 153, /output_kb/],
  [
    'no disk, and an exit code',
    { status: 'disk_limit_exceeded', exit_code: 1, limit: 'disk_kb' },
    1,
    /disk_kb/,
  ],
  [
    'no toolchain',
    { status: 'failed', error: 'TOOLCHAIN_MISSING', message: 'apt-get install x' },
    69,
    /apt-get install x/,
  ],
  ['a fault of ours', { status: 'failed', error: 'INTERNAL', message: 'm' }, 70, /INTERNAL: m/],
];
for (const [name, part, exitCode, line] of rows) {
  test(`${name}: exits ${exitCode}`, () => {
    const execution = { ...record, ...part };
    assert.equal(exitCodeOf(execution), exitCode);
    if (line === undefined) assert.equal(explain(execution), undefined);
    else assert.match(explain(execution) ?? '', line);
  });
}

test('cut output is told by stream', () => {
  assert.deepEqual(cuts({ ...record, truncated: { stdout: true, stderr: false } }), [
    'stdout was cut at 1024 KiB (--output-kb)',
  ]);
});
