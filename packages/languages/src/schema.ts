import { Limits } from '@gozolite/contract/limits';
import { type Static, Type } from 'typebox';
import { PackEntries, PackSources } from './file/packs.js';
import { SmokeFile } from './smokes/schema.js';

const closed = { additionalProperties: false } as const;
const text = (description: string) => Type.String({ minLength: 1, description });
const words = (description: string) => Type.Array(Type.String({ minLength: 1 }), { description });
const argv = (description: string) => Type.Array(Type.String(), { minItems: 1, description });
const environment = (description: string) =>
  Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String(), {
    description,
  });
const AbsolutePath = Type.String({ pattern: '^/' });

const Build = Type.Object(
  {
    command: argv('Argument vector; `{source}` and the names of the toolchain work.'),
    source: text('What is built, in the language itself.'),
  },
  {
    ...closed,
    description:
      'Run once for each toolchain, in a sandbox: what it prints stands for `{built}` in ' +
      '`program`. Where it fails, nothing is booted.',
  },
);

const Load = Type.Object(
  {
    variant: Type.Optional(text('Only in packs of this variant.')),
    lines: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Words that a line of such a program begins with: the first load that fits.',
    }),
    program: text('Runs before `program`.'),
  },
  {
    ...closed,
    description: 'Libraries that are loaded before the request, for programs of one file.',
  },
);

const Prepare = Type.Object(
  {
    file: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      description: 'Its name in the folder `{boot}`.',
    }),
    before: Type.Optional(
      words('In front of `command`; `{boot}` and the names of the toolchain work.'),
    ),
    args: Type.Optional(words('Behind the first word of `command`; `{boot}` works.')),
    env: Type.Optional(environment('While it boots; `{boot}` works.')),
    opens: Type.Optional(
      Type.Literal(true, { description: 'It opens the file of `{entry}` before it waits.' }),
    ),
    keeps_env: Type.Optional(
      Type.Union(
        [
          Type.Literal(true),
          Type.Array(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*[*]?$' }), { minItems: 1 }),
        ],
        {
          description:
            'Variables that it reads as it boots (`PYTHON*`: all with this beginning), or all of ' +
            'them, where it can take on no other environment: a request with one starts cold.',
        },
      ),
    ),
    keeps_args: Type.Optional(
      Type.Literal(true, {
        description: 'It can take on no arguments of a request: one with some starts cold.',
      }),
    ),
    says_ready: Type.Optional(
      Type.Literal(true, {
        description: 'It makes the file `ready` in `{boot}` when it waits; before, nobody gets it.',
      }),
    ),
    build: Type.Optional(Build),
    blank: Type.Optional(
      text('What that file holds meanwhile, where the runtime reads of it; else it is empty.'),
    ),
    template: Type.Optional(
      Type.Literal(true, {
        description: 'It has one thread when it waits: its state is kept, others start from it.',
      }),
    ),
    loads: Type.Optional(Type.Array(Load)),
    program: text('In the language itself: waits for the request, takes it on, removes itself.'),
  },
  { ...closed, description: 'How the runtime is booted ahead: docs/reference/languages.md.' },
);
export type PrepareFile = Static<typeof Prepare>;

const Stage = Type.Object(
  {
    command: argv(
      'Argument vector, its first element absolute. docs/reference/languages.md: placeholders.',
    ),
    script: Type.Optional(text('A fixed shell script that `{script}` stands for, taken verbatim.')),
    env: Type.Optional(environment('Of this stage; placeholders as in `command`.')),
    limits: Type.Optional(
      Type.Partial(Limits, { ...closed, description: 'Defaults that this language raises.' }),
    ),
    prepare: Type.Optional(Prepare),
    holds: Type.Optional(
      Type.Union([Type.Literal('getuid'), Type.Literal('program')], {
        description:
          'In place of `prepare`: the call of its start at which it is stopped until its request ' +
          'has come: getuid(2), or the first that names the file of `{entry}`.',
      }),
    ),
  },
  { ...closed, description: 'How one stage is started.' },
);
export type StageFile = Static<typeof Stage>;

const Cache = Type.Object(
  {
    command: argv('Argument vector; `{script}` and the names of the toolchain work.'),
    script: text('A fixed shell script that `{script}` stands for, taken verbatim.'),
  },
  {
    ...closed,
    description:
      'Run once for each toolchain of the host, in a sandbox: what it leaves in its working ' +
      'folder lies where `{cache}` says in every sandbox of that toolchain, read-only. `{cache}` ' +
      'stands for no folder yet while it is made, and for nothing in a pack.',
  },
);
export type CacheFile = Static<typeof Cache>;

const DiagnosticRule = Type.Object(
  {
    pattern: text(
      'Regular expression without references and assertions; groups: severity, message, file, ' +
        'line, column, caret (its place is the column).',
    ),
    next: Type.Optional(words('Patterns of lines that follow within eight lines each.')),
    severity: Type.Optional(
      Type.Union([Type.Literal('error'), Type.Literal('warning'), Type.Literal('note')], {
        description: 'Where no group says it; default error.',
      }),
    ),
    columns_from: Type.Optional(
      Type.Literal(0, { description: 'Where the compiler counts columns from 0.' }),
    ),
  },
  closed,
);

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
        command: argv('Argument vector, run in a sandbox.'),
        pattern: text('Regular expression over what the command prints; group 1 is the version.'),
      },
      { ...closed, description: 'How the toolchain tells its version.' },
    ),
    at_least: Type.Optional(text('The lowest version that works.')),
    below: Type.Optional(text('The first version that no longer works.')),
  },
  { ...closed, description: 'Where the toolchain lies, and how its version is asked.' },
);

/** A language file, `languages/<id>.yaml`. */
export const LanguageFile = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z][a-z0-9-]*$',
      description: "Its name in requests, and the file's: languages/<id>.yaml.",
    }),
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
    depth: Type.Optional(
      Type.Union([Type.Literal('core'), Type.Literal('wide')], {
        description:
          'How much its smoke programs prove: `core` has all the standard ones, `wide` (the ' +
          'default) hello, stdin, both errors, the endless loop and the memory.',
      }),
    ),
    same_as: Type.Optional(text('The language whose binary it runs as well: the two count once.')),
    cache: Type.Optional(Cache),
    env: Type.Optional(environment("Of all stages, over the sandbox's own.")),
    compile: Type.Optional(Stage),
    run: Stage,
    diagnostics: Type.Optional(
      Type.Array(DiagnosticRule, {
        description:
          "How the record's diagnostics are read from what the compiler says, or, without one, " +
          'from the standard error of a run that failed; at each line the first that fits.',
      }),
    ),
    template: text('A first program.'),
    notes: Type.Optional(text('What pasted programs can rely on.')),
    links: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: '^https://' }), {
        description: 'For people: home, documentation.',
      }),
    ),
    smokes: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), SmokeFile, {
      description: 'Programs, each with the result that it must have.',
    }),
    not_applicable: Type.Optional(
      Type.Record(Type.String(), Type.String({ minLength: 1 }), {
        description: 'Smoke programs that the language cannot have, each with the reason.',
      }),
    ),
  },
  { ...closed, title: 'GozoLite language file' },
);
export type LanguageFile = Static<typeof LanguageFile>;
