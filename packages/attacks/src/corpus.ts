import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Limits } from '@gozolite/contract/limits';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';

const exact = { additionalProperties: false } as const;
const Pattern = Type.String({ minLength: 1 });

function oneOf<const T extends readonly string[]>(words: T) {
  return Type.Unsafe<T[number]>(Type.Union(words.map((word) => Type.Literal(word))));
}

export const LANGUAGES = ['bash', 'python', 'javascript', 'c'] as const;

export const FAMILIES = [
  'escape',
  'kernel-surface',
  'information-leak',
  'network',
  'cpu',
  'memory',
  'processes',
  'files',
  'descriptors',
  'output',
  'signals',
  'residue',
] as const;

/** What a run must have looked like: every member that is given. Patterns are of whole streams. */
const Ending = Type.Object(
  {
    outcome: Type.Optional(oneOf(['exited', 'signalled', 'limit-exceeded', 'cancelled'])),
    exit_code: Type.Optional(Type.Integer()),
    signal: Type.Optional(Type.String()),
    limit: Type.Optional(Type.String()),
    stdout: Type.Optional(Pattern),
    stderr: Type.Optional(Pattern),
    /** What the neighbouring sandbox printed. */
    beside: Type.Optional(Pattern),
    /** Files that came back, as lines of `path: content`. */
    artifacts: Type.Optional(Pattern),
    /** What the run left on the host. */
    left: Type.Optional(oneOf(['nothing', 'process', 'cgroup'])),
  },
  exact,
);
export type Ending = Static<typeof Ending>;

const AttackFile = Type.Object(
  {
    title: Type.String({ minLength: 1 }),
    family: oneOf(FAMILIES),
    /** What holds it: a name of the launcher's `--leave-out`. */
    protection: Type.String(),
    /** What holds it too, each alone: all of them are left out for the attack to succeed. */
    second_layers: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    language: oneOf(LANGUAGES),
    /** Where only one processor has the door, which one. */
    architecture: Type.Optional(Type.String()),
    /** Settings of the kernel without which the attack says nothing; `absent` counts as a match. */
    needs: Type.Optional(
      Type.Array(
        Type.Object(
          {
            /** What it means, for people. */
            means: Type.String({ minLength: 1 }),
            path: Type.String(),
            pattern: Pattern,
            absent: Type.Optional(Type.Boolean()),
          },
          exact,
        ),
      ),
    ),
    limits: Type.Optional(Type.Partial(Limits, exact)),
    artifacts: Type.Optional(Type.Array(Type.String())),
    /** Runs to its end in an earlier sandbox. */
    before: Type.Optional(Type.String()),
    /** Runs in a sandbox of its own at the same time; it says so by a first line. */
    beside: Type.Optional(Type.String()),
    /** The caller closes the connection at the first output. */
    walk_away: Type.Optional(Type.Boolean()),
    code: Type.String(),
    contained: Ending,
    succeeds: Ending,
    /** The harmless sibling: `code` of its own, or the attack's with these arguments. */
    twin: Type.Object(
      {
        title: Type.String({ minLength: 1 }),
        code: Type.Optional(Type.String()),
        args: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
        /** Beside `REACHED` on stdout and exit code 0, which every twin has. */
        artifacts: Type.Optional(Pattern),
      },
      exact,
    ),
  },
  exact,
);

export type Attack = Static<typeof AttackFile> & {
  readonly id: string;
  /** The protection and the second layers. */
  readonly layers: readonly string[];
};

/**
 * Reads every attack of the folder, sorted by id.
 * @throws an error that names the file and what is wrong with it
 */
export function readCorpus(folder: string): Attack[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readAttack(join(folder, name)));
}

function readAttack(path: string): Attack {
  const value: unknown = parse(readFileSync(path, 'utf8'));
  if (!Value.Check(AttackFile, value)) {
    const wrong = Value.Errors(AttackFile, value).map((each) => JSON.stringify(each));
    throw new Error(`${path}: ${wrong.slice(0, 3).join('; ')}`);
  }
  if ((value.twin.code === undefined) === (value.twin.args === undefined)) {
    throw new Error(`${path}: a twin has either code or args`);
  }
  const layers = [value.protection, ...(value.second_layers ?? [])];
  return { ...value, id: basename(path, '.yaml'), layers };
}
