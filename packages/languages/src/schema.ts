import { ExecuteRequest, STATUSES } from '@gozolite/contract/execution';
import { Limits } from '@gozolite/contract/limits';
import { type Static, Type } from 'typebox';
import { PackEntries, PackSources } from './file/packs.js';

/** The smoke programs that every language file has, or says in `not_applicable` why it can't. */
export const SMOKE_NAMES = [
  'hello',
  'stdin',
  'arguments',
  'exit_code',
  'unicode',
  'syntax_error',
  'uncaught_error',
  'endless_loop',
  'memory_hog',
] as const;

const closed = { additionalProperties: false } as const;
const text = (description: string) => Type.String({ minLength: 1, description });
const words = (description: string) => Type.Array(Type.String({ minLength: 1 }), { description });
const Environment = Type.Record(
  Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
  Type.String(),
);
const AbsolutePath = Type.String({ pattern: '^/' });
const PartialLimits = Type.Partial(Limits, closed);

const Stage = Type.Object(
  {
    command: Type.Array(Type.String(), {
      minItems: 1,
      description:
        'Argument vector, its first element absolute. docs/reference/languages.md: placeholders.',
    }),
    script: Type.Optional(text('A fixed shell script that `{script}` stands for, taken verbatim.')),
    env: Type.Optional(Environment),
    limits: Type.Optional(
      Type.Partial(Limits, { ...closed, description: 'Defaults that this language raises.' }),
    ),
  },
  closed,
);
export type StageFile = Static<typeof Stage>;

const Toolchain = Type.Object(
  {
    candidates: Type.Array(Type.Record(Type.String({ pattern: '^[a-z]+$' }), AbsolutePath), {
      minItems: 1,
      description:
        'Sets of named paths under /usr, best first. A set counts where all exist; `{name}` ' +
        'stands for the path. One is called `tool`.',
    }),
    requires: Type.Optional(words('Further files that must exist; `{name}` works here too.')),
    version: Type.Object(
      {
        command: Type.Array(Type.String(), { minItems: 1 }),
        pattern: text('Regular expression over what the command prints; group 1 is the version.'),
      },
      closed,
    ),
    at_least: Type.Optional(text('The lowest version that works.')),
    below: Type.Optional(text('The first version that no longer works.')),
  },
  closed,
);

const Expectation = Type.Object(
  {
    status: Type.Unsafe<(typeof STATUSES)[number]>(
      Type.Union(STATUSES.map((status) => Type.Literal(status))),
    ),
    stage: Type.Optional(Type.Union([Type.Literal('compile'), Type.Literal('run')])),
    exit_code: Type.Optional(Type.Integer()),
    signal: Type.Optional(Type.String()),
    limit: Type.Optional(Type.String()),
    stdout: Type.Optional(Type.String({ description: 'Exactly this.' })),
    stdout_pattern: Type.Optional(Type.String()),
    stderr_pattern: Type.Optional(Type.String()),
    compile_pattern: Type.Optional(
      Type.String({ description: "Over the compiler's stdout and stderr, one after the other." }),
    ),
  },
  closed,
);
export type Expectation = Static<typeof Expectation>;

const { code, files, entry, stdin, stdin_encoding, args, env, compile } = ExecuteRequest.properties;
const SmokeFile = Type.Object(
  {
    code,
    files,
    entry,
    stdin,
    stdin_encoding,
    args,
    env,
    compile,
    limits: Type.Optional(PartialLimits),
    expect: Expectation,
  },
  closed,
);

/** One program of a language file with the result that it must have. */
export interface Smoke {
  readonly name: string;
  /** A whole request but for `language`. */
  readonly request: Omit<Static<typeof SmokeFile>, 'expect'>;
  readonly expect: Expectation;
}

/** A language file, `languages/<id>.yaml`. */
export const LanguageFile = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z][a-z0-9-]*$' }),
    name: text('As people write it.'),
    aliases: words('Other names, in any case.'),
    piston: Type.Optional(words("Piston's names.")),
    judge0: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1 }), { description: "Judge0's language ids." }),
    ),
    extensions: Type.Array(Type.String({ pattern: '^\\.[^./]+$' }), {
      minItems: 1,
      description: 'Of source files, with the dot; the first is the usual one.',
    }),
    source: text('The file that `code` is written to.'),
    toolchain: Toolchain,
    packages: Type.Optional(PackSources),
    packs: Type.Optional(PackEntries),
    sets: Type.Optional(
      Type.Array(Type.Union([Type.Literal('minimal'), Type.Literal('judge')]), {
        description: 'Named choices of languages that it belongs to.',
      }),
    ),
    tool: Type.Optional(
      Type.Literal(true, {
        description: 'Cannot read input, branch and loop: offered, and not counted as a language.',
      }),
    ),
    same_as: Type.Optional(text('The language whose binary it runs as well: the two count once.')),
    env: Type.Optional(Environment),
    compile: Type.Optional(Stage),
    run: Stage,
    template: text('A first program.'),
    notes: Type.Optional(text('What pasted programs can rely on.')),
    links: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: '^https://' }))),
    smokes: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), SmokeFile),
    not_applicable: Type.Optional(
      Type.Record(Type.String(), Type.String({ minLength: 1 }), {
        description: 'Smoke programs that the language cannot have, each with the reason.',
      }),
    ),
  },
  { ...closed, title: 'GozoLite language file' },
);
export type LanguageFile = Static<typeof LanguageFile>;

export function smokesOf(file: LanguageFile): readonly Smoke[] {
  return Object.entries(file.smokes).map(([name, { expect, ...request }]) => ({
    name,
    request,
    expect,
  }));
}
