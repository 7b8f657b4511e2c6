import { createHash } from 'node:crypto';
import type { Level } from '@gozolite/contract/level';
import {
  LIMIT_NAMES,
  type LimitPolicy,
  type Limits,
  type StageName,
} from '@gozolite/contract/limits';
import type { NetworkPolicy } from '@gozolite/contract/network';
import type { TemplateSharing } from '@gozolite/contract/templates';
import { compilePattern, type Pattern } from '@gozolite/languages/diagnostics/pattern';
import type { Flow } from '../usage/bucket.js';
import type { Span } from '../usage/spans.js';
import type { PolicyFile } from './schema.js';

/** What is refused before it runs; absent: nothing is. */
export interface Rules {
  readonly sourceBytesMax: number | undefined;
  readonly stdinBytesMax: number | undefined;
  readonly filesMax: number | undefined;
  readonly linesMax: number | undefined;
  readonly namesRefused: readonly Pattern[];
  readonly patternsRefused: readonly Pattern[];
}

const PRIORITY_MAX = 10;

/** How much of what is counted; absent: as much as is asked for. */
export interface Quota {
  readonly executions: number | undefined;
  readonly cpuMs: number | undefined;
  readonly outputBytes: number | undefined;
}

/** How fast, and how many at once; absent: as fast as the server is. */
export interface Pace {
  readonly concurrency: number | undefined;
  /** That wait, listen or talk to programs. */
  readonly connections: number | undefined;
  readonly requests: Flow | undefined;
  readonly cpuMs: Flow | undefined;
}

/** How long what is kept of ended executions stays; absent: as the server has it. */
export interface Retention {
  readonly recordMs: number | undefined;
  readonly outputMs: number | undefined;
}

/** What the server itself allows: no policy goes beyond it. */
export interface BasePolicy {
  readonly limits: LimitPolicy;
  readonly network: NetworkPolicy;
  /** Names of data sets, `*` for all. */
  readonly dataAllow: readonly string[];
  readonly isolationFloor: Level;
  /** Whether there is a store to count in. */
  readonly counts: boolean;
  /** How long records are kept; absent: none are. */
  readonly keepMs?: number | undefined;
}

/** A policy in force, nothing left to default. */
export interface Policy extends BasePolicy {
  /** SHA-256, hex, of everything in it: two policies that say the same have the same. */
  readonly digest: string;
  /** Absent: all. */
  readonly languages?: ReadonlySet<string>;
  readonly rules: Rules;
  readonly pace: Pace;
  /** Of the tenant's turns in the queue, against others'. */
  readonly weight: number;
  /** What runtimes that wait for its requests start from, where templates are in use. */
  readonly templates: TemplateSharing;
  /** Among its own: of requests that say none, and the highest that one may ask for. */
  readonly priority: { readonly default: number; readonly max: number };
  readonly quotas: Readonly<Record<Span, Quota>>;
  readonly retention: Retention;
}

/**
 * @param file one without faults
 * @param ids of languages, by all their names; absent: its names are ids
 */
export function resolvePolicy(
  base: BasePolicy,
  file: PolicyFile,
  ids: ReadonlyMap<string, string> = new Map(),
): Policy {
  const { languages, network = {}, data, isolation_floor: floor } = file;
  const values = {
    limits: {
      run: stageOf(base.limits, 'run', file),
      compile: stageOf(base.limits, 'compile', file),
    },
    network: {
      allow: network.allow ?? base.network.allow,
      bytesMax: network.bytes_max ?? base.network.bytesMax,
      connectionsMax: network.connections_max ?? base.network.connectionsMax,
      timeMsMax: network.time_ms_max ?? base.network.timeMsMax,
    },
    dataAllow: data ?? base.dataAllow,
    isolationFloor: floor ?? base.isolationFloor,
    counts: base.counts,
    pace: paceOf(file),
    weight: file.weight ?? 1,
    templates: file.templates ?? 'own',
    priority: priorityOf(file),
    quotas: quotasOf(file),
    retention: retentionOf(file),
  };
  const rules = file.rules ?? {};
  const known = languages && [...new Set(languages.map((name) => ids.get(name) ?? name))].sort();
  return {
    ...values,
    digest: createHash('sha256')
      .update(canonical({ ...values, rules, languages: known }))
      .digest('hex'),
    ...(known === undefined ? {} : { languages: new Set(known) }),
    rules: {
      sourceBytesMax: rules.source_bytes_max,
      stdinBytesMax: rules.stdin_bytes_max,
      filesMax: rules.files_max,
      linesMax: rules.lines_max,
      namesRefused: (rules.names_refused ?? []).map(compilePattern),
      patternsRefused: (rules.patterns_refused ?? []).map(compilePattern),
    },
  };
}

/** A highest below the default brings that down with it. */
function priorityOf({ priority = {} }: PolicyFile): Policy['priority'] {
  const { max = PRIORITY_MAX } = priority;
  return { default: priority.default ?? Math.min(0, max), max };
}

function paceOf({ concurrency, connections, rate }: PolicyFile): Pace {
  const { requests, cpu_s: cpu } = rate ?? {};
  return {
    concurrency,
    connections,
    requests: requests && { perS: requests.per_s, burst: requests.burst },
    cpuMs: cpu && { perS: cpu.per_s * 1000, burst: cpu.burst * 1000 },
  };
}

function retentionOf({ retention = {} }: PolicyFile): Retention {
  const { record_s: recordS, output_s: outputS } = retention;
  return {
    recordMs: recordS === undefined ? undefined : recordS * 1000,
    outputMs: outputS === undefined ? undefined : outputS * 1000,
  };
}

function quotasOf({ quotas = {} }: PolicyFile): Policy['quotas'] {
  const one = ({ executions, cpu_s: cpuS, output_kb: outputKb }: FileQuota = {}): Quota => ({
    executions,
    cpuMs: cpuS === undefined ? undefined : cpuS * 1000,
    outputBytes: outputKb === undefined ? undefined : outputKb * 1024,
  });
  return { hour: one(quotas.hour), day: one(quotas.day), month: one(quotas.month) };
}

type FileQuota = NonNullable<NonNullable<PolicyFile['quotas']>['hour']>;

function stageOf(
  base: LimitPolicy,
  stage: StageName,
  { limits }: PolicyFile,
): { readonly defaults: Limits; readonly ceilings: Limits } {
  const own = limits?.[stage];
  const ceilings = { ...base[stage].ceilings, ...own?.ceilings };
  const defaults = { ...base[stage].defaults };
  for (const name of LIMIT_NAMES) {
    // A ceiling below the server's default brings that default down with it.
    defaults[name] = own?.defaults?.[name] ?? Math.min(defaults[name], ceilings[name]);
  }
  return { defaults, ceilings };
}

/** JSON with the members of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
