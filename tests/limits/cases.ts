import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIMIT_NAMES, type LimitName, Limits } from '@gozolite/contract/limits';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';

const exact = { additionalProperties: false } as const;
const LANGUAGES = ['c', 'bash', 'python'] as const;
export type Language = (typeof LANGUAGES)[number];

const Range = Type.Tuple([Type.Integer(), Type.Integer()]);
const Limit = Type.Unsafe<LimitName>(Type.Union(LIMIT_NAMES.map((name) => Type.Literal(name))));
const LanguageName = Type.Unsafe<Language>(Type.Union(LANGUAGES.map((name) => Type.Literal(name))));

/** One side of a bound: what the program is told, and how it has to end. */
const Side = Type.Object(
  {
    side: Type.String({ pattern: '^[a-z-]+$' }),
    args: Type.Array(Type.String()),
    /** Absent: all that have a program. */
    languages: Type.Optional(Type.Array(LanguageName, { minItems: 1 })),
    limits: Type.Optional(Type.Partial(Limits, exact)),
    outcome: Type.String(),
    limit: Type.Optional(Limit),
    signal: Type.Optional(Type.String()),
    /** Absent: 0, where the outcome is `exited`. */
    exit_code: Type.Optional(Type.Integer()),
    /** `limits_hit`; absent: the limit alone, or none. */
    hit: Type.Optional(Type.Array(Limit)),
    stdout: Type.Optional(Type.String()),
    stderr: Type.Optional(Type.String()),
    stdout_bytes: Type.Optional(Type.Integer()),
    memory_kb: Type.Optional(Range),
    cpu_ms: Type.Optional(Range),
    wall_ms: Type.Optional(Range),
    /** CPU time over wall time. */
    cpu_share_most: Type.Optional(Type.Number()),
    artifacts: Type.Optional(Type.Literal('none')),
  },
  exact,
);
export type Side = Static<typeof Side>;

const CaseFile = Type.Array(
  Type.Object(
    {
      id: Type.String({ pattern: '^[a-z-]+$' }),
      what: Type.String({ minLength: 1 }),
      limits: Type.Optional(Type.Partial(Limits, exact)),
      stdin_kb: Type.Optional(Type.Integer()),
      programs: Type.Partial(
        Type.Object({ c: Type.String(), bash: Type.String(), python: Type.String() }),
        exact,
      ),
      /** Why a language has no program. */
      lacks: Type.Optional(
        Type.Partial(
          Type.Object({ c: Type.String(), bash: Type.String(), python: Type.String() }),
          exact,
        ),
      ),
      sides: Type.Array(Side, { minItems: 1 }),
    },
    exact,
  ),
);

export interface LimitCase {
  /** `limit-<what>-<language>-<side>`, the same on every host. */
  readonly id: string;
  readonly what: string;
  readonly language: Language;
  readonly code: string;
  readonly limits: Partial<Limits>;
  readonly stdinBytes: number;
  readonly side: Side;
}

/** @throws an error that names the file and what is wrong with it */
export function readCases(folder: string): LimitCase[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => readFile(join(folder, name)));
}

function readFile(path: string): LimitCase[] {
  const value: unknown = parse(readFileSync(path, 'utf8'));
  if (!Value.Check(CaseFile, value)) {
    throw new Error(`${path}: ${JSON.stringify(Value.Errors(CaseFile, value).slice(0, 3))}`);
  }
  return value.flatMap(({ id, what, limits = {}, stdin_kb = 0, programs, lacks = {}, sides }) =>
    LANGUAGES.flatMap((language) => {
      const code = programs[language];
      if (code === undefined) {
        if (lacks[language] === undefined) throw new Error(`${path}: ${id} has no ${language}`);
        return [];
      }
      return sides
        .filter(({ languages }) => languages === undefined || languages.includes(language))
        .map((side) => ({
          id: `limit-${id}-${language}-${side.side}`,
          what,
          language,
          code,
          limits: { ...limits, ...side.limits },
          stdinBytes: stdin_kb * 1024,
          side,
        }));
    }),
  );
}
