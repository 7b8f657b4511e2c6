import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';

const exact = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1 });

/**
 * What becomes of a call. `allowed`: the kernel itself answers. `refused`: the filter answers, and
 * the kernel would have answered otherwise. `refused-twice`: the kernel's own answer is the same.
 * `pretended`: the filter answers 0. `killed`: the process dies of SIGSYS.
 */
const FATES = ['allowed', 'refused', 'refused-twice', 'pretended', 'killed'] as const;
const UNKNOWN = new Set(['ENOSYS', 'EINVAL']);
export type Fate = (typeof FATES)[number];

const Sweep = Type.Object(
  {
    what: Text,
    /** Where the rows don't name a group of `groups` each. */
    why: Type.Optional(Text),
    entry: Type.Union([Type.Literal('native'), Type.Literal('i386')]),
    /** A system call number, or `_` for the value that is swept. */
    number: Type.Union([Type.Integer(), Text]),
    /** Six words, one of them `_` where the number is fixed; what a word may be: probe.c. */
    arguments: Text,
    /** Every value that has to be in exactly one row: `0-46 255`. */
    over: Text,
    rows: Type.Array(Text, { minItems: 1 }),
  },
  exact,
);

const ExpectedFile = Type.Object(
  {
    /** Group of calls: why they are treated so. */
    groups: Type.Optional(Type.Record(Type.String(), Text)),
    /** Calls and options that older kernels lack, by the first version that has them. */
    since: Type.Optional(Type.Record(Type.String(), Text)),
    sweeps: Type.Array(Sweep, { minItems: 1 }),
  },
  exact,
);

/** One call that is made, and what has to come back. */
export interface Probe {
  readonly sweep: string;
  readonly name: string;
  readonly value: bigint;
  /** A line for probe.c. */
  readonly line: string;
  readonly fate: Fate;
  /** Any of these. */
  readonly answers: readonly string[];
  /** This kernel is older than the call. */
  readonly isUnknownHere: boolean;
}

/** @throws an error that names everything that is missing, twice there or malformed */
export function readExpected(path: string): Probe[] {
  const file: unknown = parse(readFileSync(path, 'utf8'));
  if (!Value.Check(ExpectedFile, file)) {
    throw new Error(`${path}: ${JSON.stringify(Value.Errors(ExpectedFile, file).slice(0, 3))}`);
  }
  const problems: string[] = [];
  const probes = file.sweeps.flatMap((sweep) => probesOf(sweep, file, problems));
  if (problems.length > 0) throw new Error(`${path}:\n${problems.join('\n')}`);
  return probes;
}

/** A call or an option that this kernel lacks may say so. */
export function isAnswer({ answers, isUnknownHere }: Probe, answer = 'none'): boolean {
  return answers.includes(answer) || (isUnknownHere && UNKNOWN.has(answer));
}

/** What came back instead; empty where it is as expected. */
export function mismatch(probe: Probe, answer: string | undefined): string[] {
  if (isAnswer(probe, answer)) return [];
  const { sweep, value, name, fate, answers } = probe;
  return [`${sweep}: ${value} ${name} answers ${answer}, not ${answers.join(' or ')} (${fate})`];
}

type ExpectedFile = Static<typeof ExpectedFile>;
type Sweep = Static<typeof Sweep>;

function probesOf(sweep: Sweep, file: ExpectedFile, problems: string[]): Probe[] {
  const wanted = new Set(valuesOf(sweep.over));
  const probes = sweep.rows.flatMap((text) => rowProbes(text, sweep, file, problems));
  const seen = new Set<bigint>();
  for (const { value, name } of probes) {
    if (seen.has(value)) problems.push(`${sweep.what}: ${value} (${name}) is there twice`);
    if (!wanted.has(value)) problems.push(`${sweep.what}: ${value} (${name}) is not swept`);
    seen.add(value);
  }
  for (const value of wanted) {
    if (!seen.has(value)) problems.push(`${sweep.what}: no row says what ${value} answers`);
  }
  return probes;
}

/** `<values> <name> <fate> <answer>[|<answer>] [<group>] [ticking] [with <six arguments>]` */
function rowProbes(text: string, sweep: Sweep, file: ExpectedFile, problems: string[]): Probe[] {
  const [row = '', own] = text.split(' with ');
  const [values = '', name = '', fate = '', answer = '', group, pace] = row.split(/\s+/);
  const known = FATES.find((each) => each === fate);
  const isExplained = sweep.why !== undefined || (group ?? '') in (file.groups ?? {});
  if (known === undefined || answer === '' || !isExplained) {
    problems.push(`${sweep.what}: a row without fate, answer or group: ${text}`);
    return [];
  }
  const since = file.since?.[name];
  return valuesOf(values).map((value) => ({
    sweep: sweep.what,
    name,
    value,
    line: lineOf(sweep, own, value, pace === 'ticking' ? 'ticking' : 'plain'),
    fate: known,
    answers: answer.split('|'),
    isUnknownHere: since !== undefined && isOlderThan(since),
  }));
}

function lineOf(sweep: Sweep, own: string | undefined, value: bigint, pace: string): string {
  const words = (own ?? sweep.arguments).split(/\s+/);
  while (words.length < 6) words.push('0');
  const line = [sweep.entry, pace, String(sweep.number), ...words];
  return line.map((word) => (word === '_' ? String(value) : word)).join(' ');
}

/** `0-3 7 0x10` as numbers. */
function valuesOf(text: string): bigint[] {
  return text.split(/[\s,]+/).flatMap((part) => {
    const [first = '', last = first] = part.split('-');
    const values: bigint[] = [];
    for (let value = BigInt(first); value <= BigInt(last); value += 1n) values.push(value);
    return values;
  });
}

function isOlderThan(version: string): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
