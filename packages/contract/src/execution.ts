import { type Static, Type } from 'typebox';
import { DATA_BOUNDS, DataSet } from './data/data-set.js';
import { LEVELS, type Level } from './level.js';
import { Limits } from './limits.js';
import { Connection, Network } from './network.js';

const PartialLimits = Type.Partial(Limits, { additionalProperties: false });
const Encoding = Type.Union([Type.Literal('utf8'), Type.Literal('base64')]);

/** Bounds of a request (docs/reference/limits.md). Sizes are of decoded bytes. */
export const REQUEST_BOUNDS = {
  bodyBytesMax: 32 * 1024 * 1024,
  contentBytesMax: 24 * 1024 * 1024,
  filesMax: 256,
  pathSegmentBytesMax: 255,
  pathDepthMax: 16,
  argsAndEnvBytesMax: 128 * 1024,
  jsonDepthMax: 32,
  labelsMax: 8,
  labelBytesMax: 256,
  artifactGlobsMax: 64,
  artifactFilesMax: 64,
  artifactBytesMax: 16 * 1024 * 1024,
} as const;

export const SourceFile = Type.Object(
  {
    path: Type.String({ description: 'Relative to /work: segments of any UTF-8 but / and NUL.' }),
    content: Type.String(),
    encoding: Type.Optional(Encoding),
    executable: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const ExecuteRequest = Type.Object(
  {
    language: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'id[@version][+variant], or an alias.',
      examples: ['python'],
    }),
    code: Type.Optional(
      Type.String({ description: 'The program. Exactly one of code and files.' }),
    ),
    files: Type.Optional(
      Type.Array(SourceFile, { minItems: 1, maxItems: REQUEST_BOUNDS.filesMax }),
    ),
    entry: Type.Optional(
      Type.String({
        description: 'With files: the one that is run or compiled; default the first.',
      }),
    ),
    stdin: Type.Optional(Type.String()),
    stdin_encoding: Type.Optional(Encoding),
    args: Type.Optional(Type.Array(Type.String())),
    env: Type.Optional(Type.Record(Type.String(), Type.String())),
    limits: Type.Optional(PartialLimits),
    compile: Type.Optional(
      Type.Object(
        {
          args: Type.Optional(Type.Array(Type.String())),
          limits: Type.Optional(PartialLimits),
        },
        { additionalProperties: false },
      ),
    ),
    network: Type.Optional(Network),
    data: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: DATA_BOUNDS.setsMax,
        description:
          'Names of data sets that the policy grants; the run finds each at /data/<name>.',
        examples: [['iris']],
      }),
    ),
    artifacts: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
        maxItems: REQUEST_BOUNDS.artifactGlobsMax,
        description: 'Globs of files below /work to return: *, **, ? and [...].',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -10,
        maximum: 10,
        description: "Where it waits: the higher goes first, among the tenant's own. Default 0.",
      }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String(), Type.String(), { maxProperties: REQUEST_BOUNDS.labelsMax }),
    ),
  },
  { additionalProperties: false },
);
export type ExecuteRequest = Static<typeof ExecuteRequest>;

export const STATUSES = [
  'ok',
  'compile_error',
  'runtime_error',
  'time_limit_exceeded',
  'memory_limit_exceeded',
  'output_limit_exceeded',
  'disk_limit_exceeded',
  'process_limit_exceeded',
  'cancelled',
  'failed',
] as const;
export type Status = (typeof STATUSES)[number];

/** What `error` says where the status is `failed`, with the HTTP status of its record. */
export const FAILURES = {
  TOOLCHAIN_MISSING: 200,
  SANDBOX_UNAVAILABLE: 503,
  OVERLOADED: 503,
  INTERRUPTED: 500,
  INTERNAL: 500,
} as const;
export type FailureCode = keyof typeof FAILURES;

/** Every protection of the native backend, in the order it is put in place. */
export const LAYERS = [
  'cgroup-memory',
  'cgroup-cpu',
  'cgroup-pids',
  'user-namespace',
  'pid-namespace',
  'mount-namespace',
  'network-namespace',
  'ipc-namespace',
  'uts-namespace',
  'cgroup-namespace',
  'own-uid',
  'rootfs',
  'rlimits',
  'capabilities',
  'no-new-privileges',
  'landlock',
  'seccomp',
] as const;
export type Layer = (typeof LAYERS)[number];

const literals = <T extends string>(values: readonly T[]) =>
  Type.Union(values.map((value) => Type.Literal(value)));

const LayerSchema = Type.Unsafe<Layer>(literals(LAYERS));
const LimitNameSchema = Type.Unsafe<keyof Limits>(literals(Object.keys(Limits.properties)));

export const Isolation = Type.Object({
  backend: Type.String(),
  level: Type.Unsafe<Level>(literals(LEVELS)),
  layers: Type.Array(LayerSchema),
  missing: Type.Array(Type.Object({ layer: LayerSchema, reason: Type.String() })),
});
export type Isolation = Static<typeof Isolation>;

const stageResult = {
  stdout: Type.String(),
  stderr: Type.String(),
  stdout_encoding: Type.Optional(Type.Literal('base64')),
  stderr_encoding: Type.Optional(Type.Literal('base64')),
  stdout_bytes: Type.Integer({ description: 'Written until the end, before any cut.' }),
  stderr_bytes: Type.Integer(),
  truncated: Type.Optional(Type.Object({ stdout: Type.Boolean(), stderr: Type.Boolean() })),
  exit_code: Type.Union([Type.Integer(), Type.Null()]),
  signal: Type.Union([Type.String(), Type.Null()]),
  time_ms: Type.Integer({ description: 'Wall time from the moment the program could run.' }),
  cpu_time_ms: Type.Integer(),
  memory_kb: Type.Integer({ description: 'Peak.' }),
  limit: Type.Optional(LimitNameSchema),
  limits_hit: Type.Optional(Type.Array(LimitNameSchema)),
};

export const StageResult = Type.Object(stageResult);
export type StageResult = Static<typeof StageResult>;

export const Artifact = Type.Object({
  path: Type.String(),
  bytes: Type.Integer(),
  media_type: Type.String(),
  content: Type.String(),
  encoding: Encoding,
});
export type Artifact = Static<typeof Artifact>;

export const DIAGNOSTIC_SEVERITIES = ['error', 'warning', 'note'] as const;

const orNull = (type: Parameters<typeof Type.Union>[0][number]) => Type.Union([type, Type.Null()]);

export const Diagnostic = Type.Object({
  severity: Type.Unsafe<(typeof DIAGNOSTIC_SEVERITIES)[number]>(literals(DIAGNOSTIC_SEVERITIES)),
  message: Type.String(),
  file: Type.Unsafe<string | null>(orNull(Type.String())),
  line: Type.Unsafe<number | null>(orNull(Type.Integer({ minimum: 1 }))),
  column: Type.Unsafe<number | null>(orNull(Type.Integer({ minimum: 1 }))),
});
export type Diagnostic = Static<typeof Diagnostic>;

/** The record of one execution; the result members are the run's, `compile` has the compiler's. */
export const Execution = Type.Object({
  id: Type.String({ description: "'exe_' and a UUIDv7." }),
  request_id: Type.String(),
  tenant: Type.String(),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  created_at: Type.String({ description: 'RFC 3339, UTC, milliseconds.' }),
  status: Type.Unsafe<Status>(literals(STATUSES)),
  error: Type.Optional(Type.Unsafe<FailureCode>(literals(Object.keys(FAILURES)))),
  message: Type.Optional(Type.String()),
  stage: Type.Optional(Type.Unsafe<'compile' | 'run'>(literals(['compile', 'run']))),
  ...stageResult,
  compile: Type.Optional(StageResult),
  diagnostics: Type.Optional(
    Type.Array(Diagnostic, {
      maxItems: 100,
      description:
        'What the compiler, or an interpreter that refused the program, said of it; absent where ' +
        'nothing was found. Files are relative to the workspace.',
    }),
  ),
  timings: Type.Object({
    queue_ms: Type.Number(),
    prepare_ms: Type.Number(),
    compile_ms: Type.Number(),
    run_ms: Type.Number(),
    total_ms: Type.Number(),
  }),
  language: Type.Object({
    id: Type.String(),
    version: Type.Union([Type.String(), Type.Null()]),
    toolchain: Type.Union([
      Type.Object({
        source: Type.String(),
        version: Type.String(),
        digest: Type.Optional(Type.String()),
      }),
      Type.Null(),
    ]),
  }),
  limits: Type.Object({ run: Limits, compile: Type.Optional(Limits) }),
  isolation: Isolation,
  prepared: Type.Boolean(),
  policy_digest: Type.Optional(
    Type.String({ description: 'SHA-256 of the policy in force, in hex, where one is written.' }),
  ),
  artifacts: Type.Optional(Type.Array(Artifact)),
  digests: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: 'SHA-256, in hex, of output that is kept no longer, in the place of it.',
    }),
  ),
  data: Type.Optional(
    Type.Array(DataSet, {
      description: 'With a request that names data sets: those it was given.',
    }),
  ),
  network_log: Type.Optional(
    Type.Array(Connection, { description: 'With a request that has an allow-list: always.' }),
  ),
});
export type Execution = Static<typeof Execution>;
