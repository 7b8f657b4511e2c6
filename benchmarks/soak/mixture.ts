import type { Status } from '@gozolite/contract/execution';

export interface Mixed {
  readonly name: string;
  readonly request: object;
  /** Which it has to end with, or one of these. */
  readonly status: Status | readonly Status[];
  /** The caller goes away after so many milliseconds. */
  readonly leavesAfterMs?: number;
}

const program =
  (language: string) =>
  (code: string, limits: object = {}) => ({
    language,
    code,
    limits,
  });
export const bash = program('bash');
export const python = program('python');

/** One of each kind of end, and of each way to leave something behind. */
export const MIXTURE: readonly Mixed[] = [
  { name: 'hello', request: bash('echo 42'), status: 'ok' },
  { name: 'python', request: { language: 'python', code: 'print(21 * 2)' }, status: 'ok' },
  { name: 'stdin', request: { ...bash('wc -c'), stdin: 'x'.repeat(10_000) }, status: 'ok' },
  { name: 'exit code', request: bash('exit 3'), status: 'runtime_error' },
  { name: 'signal', request: bash('kill -SEGV $$'), status: 'runtime_error' },
  {
    name: 'wall time',
    request: bash('sleep 5', { wall_time_ms: 30 }),
    status: 'time_limit_exceeded',
  },
  {
    name: 'output',
    request: bash('yes', { output_kb: 64 }),
    status: 'output_limit_exceeded',
  },
  {
    name: 'files',
    request: bash('mkdir -p a/b; for i in {1..50}; do echo x > a/b/$i; done'),
    status: 'ok',
  },
  {
    name: 'daemon',
    request: bash('(setsid sleep 60 >/dev/null 2>&1 &) ; echo left'),
    status: 'ok',
  },
  {
    name: 'memory',
    request: bash('head -c 60000000 /dev/zero | tail', { memory_kb: 16_384 }),
    status: 'memory_limit_exceeded',
  },
  {
    name: 'artifact',
    request: { ...bash('head -c 20000 /dev/urandom > made.bin'), artifacts: ['*.bin'] },
    status: 'ok',
  },
  { name: 'caller gone', request: bash('sleep 5'), status: 'cancelled', leavesAfterMs: 15 },
  { name: 'caller gone at once', request: bash('sleep 5'), status: 'cancelled', leavesAfterMs: 1 },
  {
    name: 'caller gone while it prints',
    request: bash('yes', { output_kb: 8192 }),
    status: 'cancelled',
    leavesAfterMs: 25,
  },
];

/** Every so many executions one that is compiled: it takes far longer than the others. */
export const COMPILED_EVERY = 100;
export const COMPILED: Mixed = {
  name: 'compiled',
  request: { language: 'c', code: '#include <stdio.h>\nint main(void){puts("42");return 0;}\n' },
  status: 'ok',
};
