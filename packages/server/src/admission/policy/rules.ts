import { isUtf8 } from 'node:buffer';
import { type Budget, matchLine } from '@gozolite/languages/diagnostics/match';
import type { Pattern } from '@gozolite/languages/diagnostics/pattern';
import type { Policy, Rules } from '@gozolite/tenancy/policy/policy';
import type { Contents } from '../contents.js';
import { type Fault, pointer } from '../fault.js';

/** What looking for patterns may cost one request: some tens of milliseconds. */
const STEPS_MAX = 10_000_000;
/** Of a line, in characters, where patterns are looked for. */
const LINE_MAX = 16_384;

/** What the tenant's policy refuses before it runs, each with its pointer. */
export function ruleFaults(rules: Rules, { program, stdin }: Contents): readonly Fault[] {
  const files =
    program.kind === 'code'
      ? [{ at: pointer('code'), path: undefined, content: program.content }]
      : program.files.map(({ path, content }, index) => {
          return { at: pointer('files', index), path, content: viewOf(content) };
        });
  const top = program.kind === 'code' ? pointer('code') : pointer('files');
  const sourceBytes = files.reduce((sum, { content }) => sum + content.length, 0);
  const faults = [
    ...above('file', files.length, rules.filesMax, top),
    ...above('byte', sourceBytes, rules.sourceBytesMax, top),
    ...above('byte of stdin', stdin.length, rules.stdinBytesMax, pointer('stdin')),
  ];
  if (faults.length > 0) return faults; // What is too large is not looked through.
  const names = files.flatMap(({ at, path }) =>
    path !== undefined && isRefused(rules.namesRefused, path) ? [named(at)] : [],
  );
  return [...names, ...lineFaults(rules, files, top)];
}

/** A request's own place in the line is as high as its policy lets it be. */
export function priorityFaults(
  { priority: { max } }: Pick<Policy, 'priority'>,
  asked: number | undefined,
): readonly Fault[] {
  if (asked === undefined || asked <= max) return [];
  const detail = `The policy allows a priority of ${max} at most.`;
  return [{ pointer: pointer('priority'), code: 'FORBIDDEN', detail }];
}

/** The same bytes, not copied. */
function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

interface SourceText {
  readonly at: string;
  readonly content: Buffer;
}

function lineFaults(rules: Rules, files: readonly SourceText[], top: string): readonly Fault[] {
  const { linesMax, patternsRefused } = rules;
  if (linesMax === undefined && patternsRefused.length === 0) return [];
  const budget: Budget = { steps: STEPS_MAX };
  const faults: Fault[] = [];
  let lines = 0;
  for (const { at, content } of files) {
    if (!isUtf8(content)) continue; // Bytes have no lines.
    const texts = content.toString('utf8').split('\n');
    if (texts.at(-1) === '') texts.pop();
    lines += texts.length;
    if (patternsRefused.length > 0) faults.push(...patternFaults({ at, texts, budget }, rules));
  }
  return [...above('line', lines, linesMax, top), ...faults];
}

interface Lines {
  readonly at: string;
  readonly texts: readonly string[];
  readonly budget: Budget;
}

function patternFaults({ at, texts, budget }: Lines, { patternsRefused }: Rules): readonly Fault[] {
  const fault = (detail: string): Fault => ({ pointer: at, code: 'FORBIDDEN', detail });
  for (const [index, text] of texts.entries()) {
    if (text.length > LINE_MAX) {
      return [fault(`Line ${index + 1} is longer than ${LINE_MAX}, the most that is looked at.`)];
    }
    if (patternsRefused.some((pattern) => matchLine(pattern, text, budget) !== undefined)) {
      return [fault(`The policy refuses what stands in line ${index + 1}.`)];
    }
    // What could not be looked at is not taken for good.
    if (budget.steps <= 0) return [fault('It is too much to look through for the policy.')];
  }
  return [];
}

function isRefused(patterns: readonly Pattern[], name: string): boolean {
  return patterns.some((pattern) => matchLine(pattern, name, { steps: STEPS_MAX }) !== undefined);
}

function named(at: string): Fault {
  return { pointer: `${at}/path`, code: 'FORBIDDEN', detail: 'The policy refuses such names.' };
}

function above(
  what: string,
  count: number,
  most: number | undefined,
  at: string,
): readonly Fault[] {
  if (most === undefined || count <= most) return [];
  const unit = most === 1 ? what : what.replace(/^\w+/, '$&s');
  const detail = `The policy allows ${most} ${unit}, and there are ${count}.`;
  return [{ pointer: at, code: 'FORBIDDEN', detail }];
}
