import type { Execution } from '@gozolite/contract/execution';
import type { Expectation } from '../schema.js';

/** Each thing in which an execution is not what a smoke program expects, in words. */
export function differencesOf(expected: Expectation, actual: Execution): readonly string[] {
  const compiler = `${actual.compile?.stdout ?? ''}${actual.compile?.stderr ?? ''}`;
  return [
    ...equal('status', expected.status, actual.status),
    ...equal('stage', expected.stage, actual.stage),
    ...equal('exit_code', expected.exit_code, actual.exit_code),
    ...equal('signal', expected.signal, actual.signal),
    ...equal('limit', expected.limit, actual.limit),
    ...equal('stdout', expected.stdout, actual.stdout),
    ...matches('stdout', expected.stdout_pattern, actual.stdout),
    ...matches('stderr', expected.stderr_pattern, actual.stderr),
    ...matches("the compiler's output", expected.compile_pattern, compiler),
  ];
}

function equal(what: string, expected: unknown, actual: unknown): readonly string[] {
  if (expected === undefined || expected === actual) return [];
  return [`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`];
}

function matches(what: string, pattern: string | undefined, actual: string): readonly string[] {
  if (pattern === undefined || new RegExp(pattern, 'm').test(actual)) return [];
  return [`${what}: expected /${pattern}/m in ${JSON.stringify(actual)}`];
}
