import { type Static, Type } from 'typebox';
import { DataSetInfo } from './data/data-set.js';
import { Isolation } from './execution.js';
import { Limits } from './limits.js';
import { Pool } from './pool/pool.js';

const ToolchainSchema = Type.Union([
  Type.Object({
    source: Type.String(),
    version: Type.String(),
    digest: Type.Optional(Type.String()),
  }),
  Type.Null(),
]);

const REASON =
  'A code: TOOLCHAIN_MISSING; SMOKE_PENDING, its first program has not ended yet; SMOKE_FAILED, ' +
  'it ended otherwise than it must.';

const LanguageVersion = Type.Object({
  version: Type.Union([Type.String(), Type.Null()]),
  variants: Type.Array(Type.String(), { description: 'That are in place, and work.' }),
  available: Type.Boolean({ description: 'Its first program ended as it must, on this host.' }),
  reason: Type.Optional(Type.String({ description: REASON })),
  toolchain: ToolchainSchema,
});

export const LanguageInfo = Type.Object({
  id: Type.String(),
  name: Type.String(),
  version: Type.Union([Type.String(), Type.Null()], { description: 'The default version.' }),
  versions: Type.Array(LanguageVersion),
  aliases: Type.Array(Type.String()),
  extensions: Type.Array(Type.String()),
  available: Type.Boolean(),
  reason: Type.Optional(Type.String({ description: REASON })),
  install: Type.Optional(Type.String({ description: 'A command that provides the toolchain.' })),
  source: Type.String({ description: 'File name that `code` is written to.' }),
  template: Type.String({ description: 'A first program.' }),
  limits: Type.Optional(
    Type.Object(
      {
        run: Type.Optional(Type.Partial(Limits)),
        compile: Type.Optional(Type.Partial(Limits)),
      },
      { description: 'Only what the language file raises.' },
    ),
  ),
});
export type LanguageInfo = Static<typeof LanguageInfo>;

const StageLimits = Type.Object({ defaults: Limits, ceilings: Limits });

export const Capabilities = Type.Object({
  version: Type.String({ description: 'Of GozoLite.' }),
  languages: Type.Array(LanguageInfo),
  host_toolchains: Type.Boolean({
    description: "Whether the host's own toolchains serve where a pack is not in place.",
  }),
  limits: Type.Object({ run: StageLimits, compile: StageLimits }),
  isolation: Isolation,
  network: Type.Object(
    {
      allow: Type.Array(Type.String()),
      bytes_max: Type.Integer(),
      connections_max: Type.Integer(),
      time_ms_max: Type.Integer(),
    },
    { description: 'What a request may ask for, and the caps of each execution.' },
  ),
  data: Type.Array(DataSetInfo, {
    description: 'The data sets that a request may ask for: granted by the policy, and in place.',
  }),
  concurrency: Type.Integer(),
  queue: Type.Integer(),
});
export type Capabilities = Static<typeof Capabilities>;

export const Finding = Type.Object({
  id: Type.String(),
  state: Type.Unsafe<'present' | 'missing' | 'warning'>(
    Type.Union([Type.Literal('present'), Type.Literal('missing'), Type.Literal('warning')]),
  ),
  detail: Type.String(),
  /** What the operator can do; absent where there is nothing to do. */
  remedy: Type.Optional(Type.String()),
});
export type Finding = Static<typeof Finding>;

/** A tenant's share of executions that is far above what it was. */
export const TenantAnomaly = Type.Object({
  tenant: Type.String(),
  signal: Type.String({ description: 'timeouts, limits (the others) or faults (of sandboxes).' }),
  since: Type.String({ description: 'RFC 3339, UTC, milliseconds.' }),
  share: Type.Number({ description: 'As it was seen then, 0 to 1.' }),
  usual: Type.Number({ description: 'As it was before.' }),
  executions: Type.Integer({ description: 'That the share is of.' }),
});
export type TenantAnomaly = Static<typeof TenantAnomaly>;

const Reserved = Type.Object(
  {
    memory_kb: Type.Integer(),
    memory_kb_max: Type.Integer(),
    cpus: Type.Integer(),
    cpus_max: Type.Integer(),
  },
  { description: 'By the executions that run, each the limits of its larger stage; and the most.' },
);

export const Diagnostics = Type.Object({
  healthy: Type.Boolean(),
  kernel: Type.String(),
  architecture: Type.String(),
  cgroup: Type.String({ description: 'v1, v2, hybrid or none.' }),
  isolation: Isolation,
  findings: Type.Array(Finding),
  toolchains: Type.Array(
    Type.Object({
      language: Type.String(),
      available: Type.Boolean(),
      version: Type.Union([Type.String(), Type.Null()]),
      reason: Type.Optional(Type.String()),
      install: Type.Optional(Type.String()),
    }),
  ),
  backends: Type.Array(
    Type.Object({ name: Type.String(), available: Type.Boolean(), detail: Type.String() }),
  ),
  load: Type.Object({
    running: Type.Integer(),
    queued: Type.Integer(),
    quarantined: Type.Integer(),
  }),
  reserved: Reserved,
  pool: Type.Optional(Pool),
  anomalies: Type.Array(TenantAnomaly),
});
export type Diagnostics = Static<typeof Diagnostics>;
