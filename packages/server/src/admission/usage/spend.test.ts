import assert from 'node:assert/strict';
import type { Execution } from '@gozolite/contract/execution';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Admitted } from '@gozolite/engine/admitted';
import { test } from 'vitest';
import { mostOf, usedBy } from './spend.js';

const { run, compile } = limitPolicyFor(2, 4 * 1024 * 1024);
const limits = { run: { ...run.defaults, output_kb: 1 }, compile: compile.defaults };
const admitted = { limits, artifacts: [] as string[] } as unknown as Admitted;
const stage = { cpu_time_ms: 30, stdout_bytes: 100, stderr_bytes: 5000 };

function record(more: object): Execution {
  return { status: 'ok', ...stage, ...more } as unknown as Execution;
}

test('the most is both stages together, and artifacts where there may be some', () => {
  assert.deepEqual(mostOf(admitted), { cpuMs: 70_000, outputBytes: 2 * 1024 * 1025 });
  const some = mostOf({ ...admitted, artifacts: ['*'] });
  assert.equal(some.outputBytes, 2 * 1024 * 1025 + 16 * 1024 * 1024);
});

for (const [name, execution, used] of [
  ['a run', record({}), [1, 30, 100 + 1024]],
  ['a compile and a run', record({ compile: { ...stage } }), [1, 60, 100 + 1024 + 5100]],
  ['with artifacts', record({ artifacts: [{ bytes: 7 }] }), [1, 30, 100 + 1024 + 7]],
  ['a limit that it met', record({ status: 'time_limit_exceeded' }), [1, 30, 1124]],
  ['a failure of ours', record({ status: 'failed', error: 'INTERNAL' }), [0, 0, 0]],
  ['gone after 400 ms', record({ status: 'cancelled', cpu_time_ms: 0 }), [1, 800, 1124]],
] as const) {
  test(`${name} is charged ${used.join(', ')}`, () => {
    const { executions, cpuMs, outputBytes } = usedBy(execution, admitted, 400);
    assert.deepEqual([executions, cpuMs, outputBytes], used);
  });
}

test('who goes away is charged no more than was set aside', () => {
  const gone = record({ status: 'cancelled', cpu_time_ms: 0 });
  assert.equal(usedBy(gone, admitted, 1e9).cpuMs, 70_000);
});
