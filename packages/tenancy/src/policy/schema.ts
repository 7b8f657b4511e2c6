import { LEVELS, type Level } from '@gozolite/contract/level';
import { Limits } from '@gozolite/contract/limits';
import { NETWORK_BOUNDS } from '@gozolite/contract/network';
import { TEMPLATE_SHARINGS, type TemplateSharing } from '@gozolite/contract/templates';
import { type Static, Type } from 'typebox';

/** Where the repository keeps it; `node scripts/run.mjs scripts/policy-schema.ts` writes it. */
export const POLICY_SCHEMA_PATH = 'docs/reference/service/policy.schema.json';

const closed = { additionalProperties: false };
const upTo = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }));
const someLimits = Type.Optional(Type.Partial(Limits, closed));
const stage = Type.Optional(Type.Object({ defaults: someLimits, ceilings: someLimits }, closed));
const count = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));
const rank = (description: string) =>
  Type.Optional(Type.Integer({ minimum: -10, maximum: 10, description }));
const flow = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        per_s: Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 }),
        burst: Type.Number({ minimum: 1, maximum: 1_000_000 }),
      },
      { ...closed, description },
    ),
  );
const quota = Type.Optional(
  Type.Object(
    {
      executions: count('Programs run.'),
      cpu_s: count('Seconds of CPU, of compilers too.'),
      output_kb: count('Output and artifacts that were given back, KiB.'),
    },
    closed,
  ),
);
const patterns = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 64, description }));

/** A policy as it is written: what is not said is as the server has it. */
export const PolicyFile = Type.Object(
  {
    languages: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z0-9][a-z0-9+#-]*$' }), {
        minItems: 1,
        description: 'Ids, or other names, of the languages that may be run. Not given: all.',
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        { run: stage, compile: stage },
        { ...closed, description: 'Defaults and ceilings; none above the ceilings of the server.' },
      ),
    ),
    network: Type.Optional(
      Type.Object(
        {
          allow: Type.Optional(
            Type.Array(Type.String(), {
              description: 'host:port, each of which GOZO_NETWORK_ALLOW has too.',
            }),
          ),
          bytes_max: upTo(NETWORK_BOUNDS.bytesMax),
          connections_max: upTo(NETWORK_BOUNDS.connectionsMax),
          time_ms_max: upTo(NETWORK_BOUNDS.timeMsMax),
        },
        { ...closed, description: 'What a run may ask to connect to, and how much.' },
      ),
    ),
    data: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Data sets that may be asked for, each of which GOZO_DATA_ALLOW grants.',
      }),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'Executions at once, waiting ones too.',
      }),
    ),
    connections: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        description:
          'Connections at once that wait for executions (wait_s), listen to events or talk to ' +
          'programs. Not given: GOZO_LISTENERS_PER_TENANT.',
      }),
    ),
    weight: Type.Optional(
      Type.Number({
        minimum: 0.01,
        maximum: 100,
        description:
          'Of its turns where executions wait: 2 has two for one of a tenant of 1, the default.',
      }),
    ),
    priority: Type.Optional(
      Type.Object(
        {
          default: rank('Of requests that say none; 0.'),
          max: rank('The highest to ask for; 10.'),
        },
        { ...closed, description: "Where executions wait, among the tenant's own: -10 to 10." },
      ),
    ),
    rate: Type.Optional(
      Type.Object(
        {
          requests: flow('Executions asked for, each second and at once.'),
          cpu_s: flow('CPU seconds used, each second and at once.'),
        },
        { ...closed, description: 'How fast; of each server by itself.' },
      ),
    ),
    quotas: Type.Optional(
      Type.Object(
        { hour: quota, day: quota, month: quota },
        { ...closed, description: 'How much, in each hour, day and month of UTC. Needs keys.' },
      ),
    ),
    retention: Type.Optional(
      Type.Object(
        {
          record_s: count('Records of executions that nobody waited for, after their end.'),
          output_s: count('The output in them: then its digests. 0: it is never written down.'),
        },
        { ...closed, description: 'How long, in seconds, at most. Programs are never kept.' },
      ),
    ),
    isolation_floor: Type.Optional(
      Type.Unsafe<Level>(
        Type.Union(
          LEVELS.map((level) => Type.Literal(level)),
          { description: 'With less isolation than this nothing of the tenant runs.' },
        ),
      ),
    ),
    templates: Type.Optional(
      Type.Unsafe<TemplateSharing>(
        Type.Union(
          TEMPLATE_SHARINGS.map((sharing) => Type.Literal(sharing)),
          {
            description:
              'What interpreters that wait for its programs start from: templates of its own, ' +
              'the default; some that it shares with every tenant that says so; none.',
          },
        ),
      ),
    ),
    rules: Type.Optional(
      Type.Object(
        {
          source_bytes_max: count('Of all files together, decoded.'),
          stdin_bytes_max: count('Of standard input, decoded.'),
          files_max: count('Files of a request; `code` is one.'),
          lines_max: count('Of all files together.'),
          names_refused: patterns('Patterns of file names that are refused.'),
          patterns_refused: patterns(
            'Patterns of lines that are refused. They protect nothing: any program can be ' +
              'written in another way. The sandbox protects.',
          ),
        },
        { ...closed, description: 'What is refused before it runs.' },
      ),
    ),
  },
  { ...closed, description: 'What one tenant of a GozoLite server may do.' },
);
export type PolicyFile = Static<typeof PolicyFile>;

/** The JSON Schema of policies, as text: what editors complete by. */
export function policyFileSchema(): string {
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...PolicyFile };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
