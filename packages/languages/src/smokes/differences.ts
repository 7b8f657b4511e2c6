import { createHash } from 'node:crypto';
import type { Diagnostic, Execution } from '@gozolite/contract/execution';
import type { Expectation } from './schema.js';

/** A difference shows so much of each side, from where they part. */
const SHOWN_BYTES = 120;

/** Each thing in which an execution is not what a smoke program expects, in words. */
export function differencesOf(expected: Expectation, actual: Execution): readonly string[] {
  const compiler = `${actual.compile?.stdout ?? ''}${actual.compile?.stderr ?? ''}`;
  return [
    ...equal('status', expected.status, actual.status),
    ...equal('stage', expected.stage, actual.stage),
    ...equal('exit_code', expected.exit_code, actual.exit_code),
    ...equal('signal', expected.signal, actual.signal),
    ...equal('limit', expected.limit, actual.limit),
    ...stdoutDifferences(expected, actual),
    ...matches('stdout', expected.stdout_pattern, actual.stdout),
    ...matches('stderr', expected.stderr_pattern, actual.stderr),
    ...matches("the compiler's output", expected.compile_pattern, compiler),
    ...artifactDifferences(expected.artifacts, actual.artifacts ?? []),
    ...diagnosticDifferences(expected.diagnostics, actual.diagnostics ?? []),
  ];
}

function equal(what: string, expected: unknown, actual: unknown): readonly string[] {
  if (expected === undefined || expected === actual) return [];
  return [`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`];
}

function matches(what: string, pattern: string | undefined, actual: string): readonly string[] {
  if (pattern === undefined || new RegExp(pattern, 'm').test(actual)) return [];
  return [`${what}: expected /${pattern}/m in ${JSON.stringify(actual.slice(0, 4096))}`];
}

function artifactDifferences(
  expected: Expectation['artifacts'],
  actual: NonNullable<Execution['artifacts']>,
): readonly string[] {
  if (expected === undefined) return [];
  const found = actual.filter(({ bytes }) => bytes > 0);
  const words = found.map(({ path, media_type: type }) => `${path} ${type}`).sort();
  return equal('artifacts', expected.join(', '), words.join(', '));
}

function diagnosticDifferences(
  expected: Expectation['diagnostics'],
  actual: readonly Diagnostic[],
): readonly string[] {
  if (expected === undefined) return [];
  const isLike = expected.every(({ message = '', ...exact }, at) => {
    const found = actual[at];
    if (!found?.message.includes(message)) return false;
    const members = new Map(Object.entries(found));
    return Object.entries(exact).every(([name, value]) => members.get(name) === value);
  });
  if (isLike && actual.length === expected.length) return [];
  return [`diagnostics: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`];
}

/** Bytes are compared with bytes, whatever the record wrote them as. */
function stdoutDifferences(expected: Expectation, actual: Execution): readonly string[] {
  const bytes = Buffer.from(actual.stdout, actual.stdout_encoding ?? 'utf8');
  const { stdout, stdout_repeat: repeat, stdout_sha256: sha256 } = expected;
  return [
    ...(stdout === undefined ? [] : bytesDiffer(Buffer.from(stdout), bytes)),
    ...(repeat === undefined
      ? []
      : bytesDiffer(Buffer.from(repeat.text.repeat(repeat.times)), bytes)),
    ...(sha256 === undefined
      ? []
      : equal('SHA-256 of stdout', sha256, createHash('sha256').update(bytes).digest('hex'))),
  ];
}

function bytesDiffer(expected: Buffer, actual: Buffer): readonly string[] {
  if (expected.equals(actual)) return [];
  let from = 0;
  while (from < actual.length && expected[from] === actual[from]) from += 1;
  const shown = (bytes: Buffer) => JSON.stringify(bytes.toString('utf8', from, from + SHOWN_BYTES));
  const where = from === 0 ? '' : ` from byte ${from} on`;
  const sizes = `${expected.length} and ${actual.length} bytes`;
  return [`stdout: expected ${shown(expected)}, got ${shown(actual)}${where} (${sizes})`];
}
