import type { ExecuteRequest } from '@gozolite/contract/execution';
import type { LanguageFile } from '../schema.js';
import type { Expectation, SmokeFile } from './schema.js';
import { STANDARD_SMOKES } from './standard.js';

/** One program of a language file with the result that it must have. */
export interface Smoke {
  readonly name: string;
  /** A whole request but for `language`. */
  readonly request: Omit<ExecuteRequest, 'language'>;
  readonly expect: Expectation;
}

/**
 * The programs of a file, with what their names bring; a big standard input is made here.
 * @param variant whose own programs come, too
 */
export function smokesOf(file: LanguageFile, variant: string | null = null): readonly Smoke[] {
  const all = Object.entries(smokeFilesOf(file));
  const wanted = all.filter(([, smoke]) => (smoke.variant ?? variant) === variant);
  return wanted.map(([name, smoke]) => {
    const { expect, stdin_repeat: repeat, variant: _, ...request } = smoke;
    if (expect === undefined) throw new Error(`${file.id}: the smoke ${name} expects nothing`);
    const stdin = repeat === undefined ? request.stdin : repeat.text.repeat(repeat.times);
    const limits = limitsOf(request.limits, expect);
    const more = { ...(stdin !== undefined && { stdin }), ...(limits && { limits }) };
    return { name, request: { ...request, ...more }, expect };
  });
}

/** The most that a server gives as it comes. */
const WALL_MS = 60_000;

/** What has to end by its CPU time or memory must not end by the clock before, on a busy host. */
function limitsOf(limits: SmokeFile['limits'], { limit }: Expectation): SmokeFile['limits'] {
  const isMeant = limit === undefined || limit === null || limit === 'wall_time_ms';
  return isMeant ? limits : { wall_time_ms: WALL_MS, ...limits };
}

/** As `smokesOf`, still in the terms of the file. */
export function smokeFilesOf(file: LanguageFile): Readonly<Record<string, SmokeFile>> {
  const own = Object.entries(file.smokes).map(([name, smoke]) => [name, withStandard(name, smoke)]);
  const sums = derivedStdinBig(file);
  return { ...(sums && { stdin_big: sums }), ...Object.fromEntries(own) };
}

function withStandard(name: string, smoke: SmokeFile): SmokeFile {
  const standard = Object.hasOwn(STANDARD_SMOKES, name) ? STANDARD_SMOKES[name] : undefined;
  const merged: SmokeFile = { ...standard, ...smoke };
  // One standard input: the file's own, however it is given.
  if (smoke.stdin !== undefined && !smoke.stdin_repeat) delete merged.stdin_repeat;
  if (smoke.stdin_repeat && smoke.stdin === undefined) delete merged.stdin;
  return merged;
}

/** A program that adds the lines of three numbers adds those of a mebibyte: no code of its own. */
function derivedStdinBig(file: LanguageFile): SmokeFile | undefined {
  const { stdin, stdin_big: own } = file.smokes;
  if (file.depth !== 'core' || own !== undefined || stdin === undefined) return undefined;
  if (file.not_applicable?.stdin_big !== undefined) return undefined;
  const { input, answer } = { input: '1\n2\n39\n', answer: '42\n' };
  const whole = withStandard('stdin', stdin);
  if (whole.stdin !== input || whole.expect?.stdout !== answer) return undefined;
  const { stdin: _, expect: __, ...program } = stdin;
  return withStandard('stdin_big', program);
}
