import { STATUSES } from '@gozolite/contract/execution';
import { LIMIT_NAMES } from '@gozolite/contract/limits';
import type { Outcome } from '@gozolite/contract/outcome';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge } from './judge.js';

const killed = { exitCode: null, signal: 'SIGKILL' } as const;
const byItself = { exitCode: 1, signal: null } as const;

const rows: { name: string; outcome: Outcome; run: string; compile: string }[] = [
  {
    name: 'exit 0',
    outcome: { kind: 'exited', exitCode: 0 },
    run: 'ok',
    compile: 'ok',
  },
  {
    name: 'exit 1',
    outcome: { kind: 'exited', exitCode: 1 },
    run: 'runtime_error',
    compile: 'compile_error',
  },
  {
    name: "a shell's 128 + 9 is an exit code, not a limit",
    outcome: { kind: 'exited', exitCode: 137 },
    run: 'runtime_error',
    compile: 'compile_error',
  },
  {
    name: 'SIGKILL of its own making is no limit',
    outcome: { kind: 'signalled', signal: 'SIGKILL' },
    run: 'runtime_error',
    compile: 'compile_error',
  },
  ...(
    [
      ['wall_time_ms', 'time_limit_exceeded', killed],
      ['cpu_time_ms', 'time_limit_exceeded', killed],
      ['memory_kb', 'memory_limit_exceeded', killed],
      ['output_kb', 'output_limit_exceeded', killed],
      ['disk_kb', 'disk_limit_exceeded', byItself],
      ['file_kb', 'disk_limit_exceeded', byItself],
      ['processes', 'process_limit_exceeded', byItself],
    ] as const
  ).map(([limit, status, ended]) => ({
    name: `past ${limit}`,
    outcome: { kind: 'limit-exceeded', limit, ...ended } as const,
    run: status,
    compile: status,
  })),
  { name: 'cancelled', outcome: { kind: 'cancelled' }, run: 'cancelled', compile: 'cancelled' },
];

describe.each(rows)('$name', ({ outcome, run, compile }) => {
  test(`of a run is ${run}, of a compile ${compile}`, () => {
    expect(judge(outcome, 'run').status).toBe(run);
    expect(judge(outcome, 'compile').status).toBe(compile);
  });
});

test('a failed setup is SANDBOX_UNAVAILABLE and names its step', () => {
  expect(judge({ kind: 'setup-failed', step: 'pivot-root', errno: 'EPERM' }, 'run')).toEqual({
    status: 'failed',
    error: 'SANDBOX_UNAVAILABLE',
    message: 'sandbox setup failed at pivot-root (EPERM)',
    stage: 'run',
  });
});

test('a lost launcher is SANDBOX_UNAVAILABLE and says how it was lost', () => {
  expect(judge({ kind: 'launcher-lost', reason: 'ECONNREFUSED' }, 'compile')).toEqual({
    status: 'failed',
    error: 'SANDBOX_UNAVAILABLE',
    message: 'launcher lost: ECONNREFUSED',
    stage: 'compile',
  });
});

const anyOutcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('exited' as const), exitCode: fc.nat(255) }),
  fc.record({ kind: fc.constant('signalled' as const), signal: fc.string() }),
  fc.record({
    kind: fc.constant('limit-exceeded' as const),
    limit: fc.constantFrom(...LIMIT_NAMES),
    exitCode: fc.option(fc.nat(255)),
    signal: fc.option(fc.string()),
  }),
  fc.record({ kind: fc.constant('cancelled' as const) }),
  fc.record({ kind: fc.constant('launcher-lost' as const), reason: fc.string() }),
  fc.record({
    kind: fc.constant('setup-failed' as const),
    step: fc.string(),
    errno: fc.string(),
  }),
);

test('every outcome has one status, an error where `failed`, a stage unless `ok`', () => {
  fc.assert(
    fc.property(anyOutcome, fc.constantFrom('compile', 'run'), (outcome, stage) => {
      const judgement = judge(outcome, stage);
      expect(STATUSES).toContain(judgement.status);
      expect(judgement.error !== undefined).toBe(judgement.status === 'failed');
      expect(judgement.stage).toBe(judgement.status === 'ok' ? undefined : stage);
    }),
  );
});

test('only exit 0 is ok', () => {
  fc.assert(
    fc.property(anyOutcome, fc.constantFrom('compile', 'run'), (outcome, stage) => {
      const isZero = outcome.kind === 'exited' && outcome.exitCode === 0;
      expect(judge(outcome, stage).status === 'ok').toBe(isZero);
    }),
  );
});
