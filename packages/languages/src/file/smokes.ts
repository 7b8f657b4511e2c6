import { isLimitName } from '@gozolite/contract/limits';
import type { LanguageFile } from '../schema.js';
import type { SmokeFile } from '../smokes/schema.js';
import { smokeFilesOf } from '../smokes/smokes.js';
import { CORE_SMOKES, STANDARD_SMOKES, WIDE_SMOKES } from '../smokes/standard.js';
import type { Fault } from './fault.js';
import { groupsOf } from './groups.js';

/** Bytes of a standard input or an answer that a file makes by repeating. */
const REPEATED_BYTES_MAX = 16 * 1024 * 1024;
/** What a program of a core language ends with: 1 is what any failure ends with. */
const CORE_EXIT_CODE = 7;
const ERRORS = ['syntax_error', 'uncaught_error'] as const;

/** What is wrong with a file's smoke programs, or missing among them. */
export function smokeFaults(file: LanguageFile): readonly Fault[] {
  const smokes = smokeFilesOf(file);
  return [
    ...absenceFaults(file, smokes),
    ...excuseFaults(file, smokes),
    ...(file.depth === 'core' ? coreFaults(smokes) : []),
    ...variantFaults(file),
    ...Object.entries(smokes).flatMap(([name, smoke]) =>
      // What a standard smoke brings is good; its line would be nowhere in the file.
      name in file.smokes ? faultsOfOne(name, smoke) : [],
    ),
  ];
}

function absenceFaults(
  { depth, not_applicable: excused = {} }: LanguageFile,
  smokes: Readonly<Record<string, SmokeFile>>,
): readonly Fault[] {
  const wanted = depth === 'core' ? CORE_SMOKES : WIDE_SMOKES;
  return wanted
    .filter((name) => !(name in smokes) && !(name in excused))
    .map((name) => ({
      path: ['smokes'],
      message: `no smoke program ${name}, nor a reason in not_applicable`,
    }));
}

function excuseFaults(file: LanguageFile, smokes: Readonly<Record<string, SmokeFile>>): Fault[] {
  const excused = Object.keys(file.not_applicable ?? {});
  const fault = (name: string, message: string) => ({ path: ['not_applicable', name], message });
  const faults = excused.flatMap((name) => {
    if (name in smokes) return [fault(name, `there is a smoke ${name}`)];
    if (CORE_SMOKES.some((known) => known === name)) return [];
    return [fault(name, `${name} is no smoke program`)];
  });
  if (file.tool === true) return faults;
  if (excused.includes('hello')) {
    faults.push(fault('hello', 'only a tool (`tool: true`) can do without hello'));
  }
  // Where every text is a program and none fails by itself, one still ends as it wants to.
  if (ERRORS.every((name) => excused.includes(name)) && !('exit_code' in smokes)) {
    const message = 'a language fails in one way or the other: an error or exit_code is wanted';
    faults.push(fault('uncaught_error', message));
  }
  return faults;
}

/** What a core language must show beyond having the program. */
function coreFaults(smokes: Readonly<Record<string, SmokeFile>>): readonly Fault[] {
  const faults: Fault[] = [];
  const { exit_code: exit, unicode } = smokes;
  if (exit?.expect && exit.expect.exit_code !== CORE_EXIT_CODE) {
    const path = ['smokes', 'exit_code', 'expect', 'exit_code'];
    faults.push({ path, message: `must be ${CORE_EXIT_CODE}` });
  }
  if (unicode && isAscii(unicode.stdin ?? '') && 'stdin' in smokes) {
    const message = 'must read what is not ASCII from standard input, and write it';
    faults.push({ path: ['smokes', 'unicode'], message });
  }
  return faults;
}

/** A program of a variant that no pack has would never run. */
function variantFaults({ packs = [], smokes }: LanguageFile): readonly Fault[] {
  const known = packs.flatMap(({ variants = {} }) => Object.keys(variants));
  return Object.entries(smokes).flatMap(([name, { variant }]) =>
    variant === undefined || known.includes(variant)
      ? []
      : [{ path: ['smokes', name, 'variant'], message: `there is no variant ${variant}` }],
  );
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

function faultsOfOne(name: string, smoke: SmokeFile): readonly Fault[] {
  const { code, files, stdin, stdin_repeat: input, expect } = smoke;
  const faults: Fault[] = [];
  const say = (keys: readonly string[], message: string) =>
    faults.push({ path: ['smokes', name, ...keys], message });
  if ((code === undefined) === (files === undefined)) say([], 'needs either code or files');
  if (stdin !== undefined && input !== undefined) say([], 'needs either stdin or stdin_repeat');
  if (input && bytesOf(input) > REPEATED_BYTES_MAX) say(['stdin_repeat'], tooMuch);
  if (expect === undefined) {
    const standard = Object.keys(STANDARD_SMOKES).join(', ');
    say([], `needs expect: only ${standard} bring their own`);
    return faults;
  }
  const output = expect.stdout_repeat;
  if (output && bytesOf(output) > REPEATED_BYTES_MAX) say(['expect', 'stdout_repeat'], tooMuch);
  if (expect.limit !== undefined && !isLimitName(expect.limit)) {
    say(['expect', 'limit'], `${expect.limit} is no limit`);
  }
  for (const key of ['stdout_pattern', 'stderr_pattern', 'compile_pattern'] as const) {
    if (groupsOf(expect[key] ?? '') === undefined) say(['expect', key], 'no regular expression');
  }
  return faults;
}

const tooMuch = `is more than ${REPEATED_BYTES_MAX} bytes`;

function bytesOf({ text, times }: { readonly text: string; readonly times: number }): number {
  return Buffer.byteLength(text) * times;
}
