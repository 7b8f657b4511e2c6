import { ExecuteRequest, STATUSES } from '@gozolite/contract/execution';
import { Limits } from '@gozolite/contract/limits';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;

/** Long texts, without megabytes in a file. At most 64 MiB together. */
const Repeat = (description: string) =>
  Type.Object(
    {
      text: Type.String({ minLength: 1 }),
      times: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
    },
    { ...closed, description },
  );
export type Repeat = { readonly text: string; readonly times: number };

const ExpectedDiagnostic = Type.Object(
  {
    severity: Type.Optional(Type.String()),
    message: Type.Optional(Type.String({ description: 'A part of it.' })),
    file: Type.Optional(Type.String()),
    line: Type.Optional(Type.Integer()),
    column: Type.Optional(Type.Integer()),
  },
  closed,
);

export const Expectation = Type.Object(
  {
    status: Type.Unsafe<(typeof STATUSES)[number]>(
      Type.Union(
        STATUSES.map((status) => Type.Literal(status)),
        { description: 'How the execution ends.' },
      ),
    ),
    stage: Type.Optional(
      Type.Union([Type.Literal('compile'), Type.Literal('run')], {
        description: 'The stage that decided.',
      }),
    ),
    exit_code: Type.Optional(Type.Integer()),
    signal: Type.Optional(Type.String({ description: 'As SIGSEGV.' })),
    limit: Type.Optional(Type.String({ description: 'The limit that ended it.' })),
    stdout: Type.Optional(Type.String({ description: 'Exactly these bytes, in UTF-8.' })),
    stdout_repeat: Type.Optional(Repeat('Standard output is exactly `text`, so many `times`.')),
    stdout_sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: "Of standard output's bytes." }),
    ),
    stdout_pattern: Type.Optional(Type.String({ description: 'Somewhere in standard output.' })),
    stderr_pattern: Type.Optional(Type.String({ description: 'Somewhere in standard error.' })),
    compile_pattern: Type.Optional(
      Type.String({ description: "Over the compiler's stdout and stderr, one after the other." }),
    ),
    artifacts: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Those that come back, each as `path media/type`, sorted; none is empty.',
      }),
    ),
    diagnostics: Type.Optional(
      Type.Array(ExpectedDiagnostic, {
        description: 'All that there are, in order, as far as each is described.',
      }),
    ),
  },
  { ...closed, description: 'What must come of it; as far as it is said.' },
);
export type Expectation = Static<typeof Expectation>;

const { code, files, entry, stdin, stdin_encoding, args, env, compile, artifacts } =
  ExecuteRequest.properties;
export const SmokeFile = Type.Object(
  {
    code,
    files,
    entry,
    stdin,
    stdin_encoding,
    stdin_repeat: Type.Optional(Repeat('Standard input: `text`, so many `times`.')),
    args,
    env,
    compile,
    artifacts,
    limits: Type.Optional(Type.Partial(Limits, closed)),
    variant: Type.Optional(
      Type.String({ description: 'Of a pack; the program is run with it, and never without.' }),
    ),
    expect: Type.Optional(Expectation),
  },
  {
    ...closed,
    description:
      'A request without `language`, and what must come of it. A standard one brings what it ' +
      'does not say: docs/reference/languages.md.',
  },
);
export type SmokeFile = Static<typeof SmokeFile>;
