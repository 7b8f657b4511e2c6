import type { SmokeFile } from './schema.js';

/** What is asked of every language, or excused in `not_applicable`. */
export const WIDE_SMOKES = [
  'hello',
  'stdin',
  'syntax_error',
  'uncaught_error',
  'endless_loop',
  'memory_hog',
] as const;

/** What is asked of a language with `depth: core`, in the order of the table. */
export const CORE_SMOKES = [
  'hello',
  'unicode',
  'stdin',
  'stdin_big',
  'arguments',
  'environment',
  'exit_code',
  'syntax_error',
  'uncaught_error',
  'endless_loop',
  'memory_hog',
  'deep_recursion',
  'output_flood',
  'file',
  'lines',
  'several_files',
  'threads',
] as const;

/** A mebibyte of standard input in lines that are numbers: leading zeros, so that they are few. */
const MEBIBYTE_LINE = `${'0'.repeat(62)}1\n`;
const MEBIBYTE_LINES = 16_384;

/**
 * What a smoke program of one of these names need not say: the same input for every language, and
 * the same answer, byte by byte. What a file says itself goes first, member by member.
 */
export const STANDARD_SMOKES: Readonly<Record<string, SmokeFile>> = {
  hello: { expect: { status: 'ok', exit_code: 0, stdout: 'Hello, world!\n' } },
  stdin: { stdin: '1\n2\n39\n', expect: { status: 'ok', stdout: '42\n' } },
  stdin_big: {
    stdin_repeat: { text: MEBIBYTE_LINE, times: MEBIBYTE_LINES },
    expect: { status: 'ok', stdout: `${MEBIBYTE_LINES}\n` },
  },
  arguments: {
    args: ['one two', '--flag', '-v', 'é'],
    expect: { status: 'ok', stdout: 'one two\n--flag\n-v\né\n' },
  },
  environment: {
    env: { GREETING: 'Grüße = "1 2" $HOME' },
    expect: { status: 'ok', stdout: 'Grüße = "1 2" $HOME\n' },
  },
  exit_code: { expect: { status: 'runtime_error', stage: 'run', exit_code: 7 } },
  deep_recursion: { expect: { status: 'ok', stdout: '10000\n' } },
  output_flood: {
    limits: { output_kb: 64 },
    expect: { status: 'output_limit_exceeded', limit: 'output_kb' },
  },
  file: { expect: { status: 'ok', stdout: 'written and read\n' } },
  lines: {
    limits: { output_kb: 8192 },
    expect: { status: 'ok', stdout_repeat: { text: 'line\n', times: 1_000_000 } },
  },
  threads: { expect: { status: 'ok', stdout: '10\n' } },
};
