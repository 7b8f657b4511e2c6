import { constants } from 'node:os';
import type { Execution } from '@gozolite/contract/execution';
import { unreachable } from '@gozolite/contract/result';

/** Exit codes that are not the program's own (sysexits.h where it has one; timeout(1) has 124). */
export const EXIT = {
  usage: 64,
  compileError: 65,
  unavailable: 69,
  software: 70,
  timeLimit: 124,
  cancelled: 130,
  memoryLimit: 137,
  outputLimit: 153,
} as const;

/** The program's exit code, 128+n for a signal n, or the code of what ended it. */
export function exitCodeOf(execution: Execution): number {
  switch (execution.status) {
    case 'ok':
      return 0;
    case 'runtime_error':
    case 'disk_limit_exceeded':
    case 'process_limit_exceeded':
      return execution.stage === 'compile' ? EXIT.compileError : ownExitCode(execution);
    case 'compile_error':
      return EXIT.compileError;
    case 'time_limit_exceeded':
      return EXIT.timeLimit;
    case 'memory_limit_exceeded':
      return EXIT.memoryLimit;
    case 'output_limit_exceeded':
      return EXIT.outputLimit;
    case 'cancelled':
      return EXIT.cancelled;
    case 'failed':
      return execution.error === 'INTERNAL' || execution.error === 'INTERRUPTED'
        ? EXIT.software
        : EXIT.unavailable;
    default:
      return unreachable(execution.status);
  }
}

function ownExitCode({ exit_code: exitCode, signal }: Execution): number {
  if (exitCode !== null) return exitCode;
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return number === undefined ? 1 : 128 + number;
}

/** One line on what ended the program, where its own output can't tell; undefined where it can. */
export function explain(execution: Execution): string | undefined {
  const { status, stage, limit, message } = execution;
  const where = stage === 'compile' ? 'the compiler' : 'the program';
  switch (status) {
    case 'ok':
      return undefined;
    case 'runtime_error':
      return execution.signal === null ? undefined : `the program died of ${execution.signal}`;
    case 'compile_error':
      return 'the compiler refused the program';
    case 'time_limit_exceeded':
    case 'memory_limit_exceeded':
    case 'output_limit_exceeded':
    case 'disk_limit_exceeded':
    case 'process_limit_exceeded':
      return `${where} reached its limit: ${limitText(execution, limit)}`;
    case 'cancelled':
      return 'cancelled';
    case 'failed':
      return `${execution.error}: ${message ?? 'no program ran'}`;
    default:
      return unreachable(status);
  }
}

function limitText({ limits, stage }: Execution, limit: Execution['limit']): string {
  if (limit === undefined) return 'unknown';
  const value = (stage === 'compile' ? limits.compile : limits.run)?.[limit];
  return `${limit} is ${value} (--${limit.replaceAll('_', '-')})`;
}

/** What of the program's output is missing, if any. */
export function cuts(execution: Execution): readonly string[] {
  const { truncated, limits } = execution;
  return (['stdout', 'stderr'] as const)
    .filter((stream) => truncated?.[stream] === true)
    .map((stream) => `${stream} was cut at ${limits.run.output_kb} KiB (--output-kb)`);
}
