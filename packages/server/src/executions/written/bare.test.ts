import { createHash } from 'node:crypto';
import type { Execution } from '@gozolite/contract/execution';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { expect, test } from 'vitest';
import { bareOf } from './bare.js';

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const result = {
  ...{ stdout_bytes: 3, stderr_bytes: 3, exit_code: 0, signal: null },
  ...{ time_ms: 1, cpu_time_ms: 1, memory_kb: 1 },
};

const record: Execution = {
  ...{ id: 'exe_1', request_id: 'r', tenant: 'acme', created_at: '', status: 'ok', ...result },
  ...{ stdout: '/w==', stdout_encoding: 'base64', stderr: 'err' },
  compile: { ...result, stdout: 'a', stderr: 'b' },
  diagnostics: [{ severity: 'error', message: 'secret', file: null, line: null, column: null }],
  timings: { queue_ms: 0, prepare_ms: 0, compile_ms: 0, run_ms: 0, total_ms: 0 },
  language: { id: 'c', version: null, toolchain: null },
  limits: { run: limitPolicyFor(1, 1 << 20).run.defaults },
  isolation: { backend: 'native', level: 'full', layers: [], missing: [] },
  prepared: false,
  artifacts: [{ path: 'x', bytes: 1, media_type: 'a/b', content: 'secret', encoding: 'utf8' }],
};

test('nothing of output is left but its digests, of the bytes; what was measured stays', () => {
  const bare = bareOf(record);
  expect(JSON.stringify(bare)).not.toMatch(/secret|"err"|\/w==/);
  expect(bare.digests).toEqual({
    ...{ stdout: sha256(Buffer.from([0xff])), stderr: sha256('err') },
    ...{ compile_stdout: sha256('a'), compile_stderr: sha256('b'), artifacts: sha256('secret') },
  });
  expect(bare).toMatchObject({ stdout: '', stderr: '', stdout_bytes: 3, exit_code: 0 });
  expect(bare.compile).toMatchObject({ stdout: '', stderr: '', stderr_bytes: 3 });
  for (const gone of ['stdout_encoding', 'artifacts', 'diagnostics']) {
    expect(Object.keys(bare)).not.toContain(gone);
  }
});

test('what is bare stays so, with the digests that it has', () => {
  expect(bareOf(bareOf(record))).toEqual(bareOf(record));
});
