import type { Finding } from '@gozolite/contract/capabilities';
import {
  type Isolation,
  LAYERS,
  type Layer as ProtectionLayer,
} from '@gozolite/contract/execution';
import { LIMIT_NAMES, type LimitName } from '@gozolite/contract/limits';
import type { Connection } from '@gozolite/contract/network';
import type { Outcome, Usage } from '@gozolite/contract/outcome';
import type { PoolKept } from '../../../backend.js';
import { parseConnections } from './connections.js';
import { type Frame, FrameError } from './frames.js';
import {
  claim,
  count,
  type Members,
  nullableCount,
  nullableText,
  object,
  objects,
  oneOf,
  optionalText,
  text,
  texts,
} from './members.js';

export const PROTOCOL_VERSION = 1;

/** Why the launcher would not do what it was asked. */
export const LAUNCHER_ERRORS = [
  'VERSION',
  'PROTOCOL',
  'RECIPE',
  'LIMIT',
  'PATH',
  'LAYER',
  'BUSY',
  'NETWORK',
] as const;
export type LauncherErrorCode = (typeof LAUNCHER_ERRORS)[number];

export interface EndMessage {
  readonly type: 'end';
  readonly outcome: Outcome;
  readonly usage: Usage;
  readonly limitsHit: readonly LimitName[];
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
  readonly layer: string | undefined;
  /** Of a sandbox that was started with a network. */
  readonly connections: readonly Connection[] | undefined;
}

export interface DiagnosisMessage {
  readonly type: 'diagnosis';
  readonly kernel: string;
  readonly architecture: string;
  readonly cgroup: string;
  readonly isolation: Isolation;
  readonly findings: readonly Finding[];
  readonly leaving: number;
  readonly quarantined: number;
}

export type LauncherMessage =
  | { readonly type: 'hello'; readonly version: number }
  | { readonly type: 'recipe_ok'; readonly digest: string }
  | { readonly type: 'pool_ok'; readonly kept: readonly PoolKept[] }
  | DiagnosisMessage
  | { readonly type: 'started'; readonly prepareUs: number; readonly prepared: boolean }
  | {
      readonly type: 'output';
      readonly stream: 'stdout' | 'stderr';
      readonly timeUs: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'taken'; readonly bytes: number }
  | {
      readonly type: 'artifact';
      readonly path: string;
      readonly more: boolean;
      readonly bytes: Uint8Array;
    }
  | EndMessage
  | { readonly type: 'error'; readonly code: LauncherErrorCode; readonly message: string };

/**
 * What the launcher said, checked once here and trusted from here on.
 * @throws FrameError for a type that the protocol lacks, or members that are not what it says
 */
export function parseLauncherMessage({ header, payload }: Frame): LauncherMessage {
  switch (header.type) {
    case 'output':
      return {
        type: 'output',
        stream: oneOf(header, 'stream', ['stdout', 'stderr']),
        timeUs: count(header, 'time_us'),
        bytes: payload,
      };
    case 'hello':
      return { type: 'hello', version: count(header, 'version') };
    case 'started':
      return {
        type: 'started',
        prepareUs: count(header, 'prepare_us'),
        prepared: claim(header, 'prepared'),
      };
    case 'taken':
      return { type: 'taken', bytes: count(header, 'bytes') };
    case 'artifact':
      return {
        type: 'artifact',
        path: text(header, 'path'),
        more: claim(header, 'more'),
        bytes: payload,
      };
    case 'end':
      return parseEnd(header, payload);
    case 'error':
      return {
        type: 'error',
        code: oneOf(header, 'code', LAUNCHER_ERRORS),
        message: text(header, 'message'),
      };
    case 'recipe_ok':
      return { type: 'recipe_ok', digest: text(header, 'digest') };
    case 'pool_ok':
      return { type: 'pool_ok', kept: parseKept(payload) };
    case 'diagnosis':
      return parseDiagnosis(header);
    default:
      throw new FrameError(`unknown message type ${JSON.stringify(header.type.slice(0, 40))}`);
  }
}

function parseEnd(members: Members, payload: Uint8Array): EndMessage {
  const usage = object(members, 'usage');
  const truncated = object(members, 'truncated');
  return {
    type: 'end',
    outcome: parseOutcome(object(members, 'outcome')),
    usage: {
      wallUs: count(usage, 'wall_us'),
      cpuUs: count(usage, 'cpu_us'),
      memoryKb: count(usage, 'memory_kb'),
      stdoutBytes: count(usage, 'stdout_bytes'),
      stderrBytes: count(usage, 'stderr_bytes'),
    },
    limitsHit: texts(members, 'limits_hit').map(limitNamed),
    truncated: { stdout: claim(truncated, 'stdout'), stderr: claim(truncated, 'stderr') },
    layer: optionalText(members, 'layer'),
    connections: parseConnections(payload),
  };
}

function parseKept(payload: Uint8Array): readonly PoolKept[] {
  const kept = { kept: parseJson(payload) };
  return objects(kept, 'kept').map((line) => ({
    ready: count(line, 'ready'),
    templated: count(line, 'templated'),
    memoryKb: count(line, 'memory_kb'),
  }));
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new FrameError('the payload is no JSON');
  }
}

const OUTCOME_KINDS = [
  'exited',
  'signalled',
  'limit-exceeded',
  'cancelled',
  'setup-failed',
] as const;

function parseOutcome(members: Members): Outcome {
  const kind = oneOf(members, 'kind', OUTCOME_KINDS);
  switch (kind) {
    case 'exited':
      return { kind, exitCode: count(members, 'exit_code') };
    case 'signalled':
      return { kind, signal: text(members, 'signal') };
    case 'limit-exceeded':
      return {
        kind,
        limit: limitNamed(text(members, 'limit')),
        exitCode: nullableCount(members, 'exit_code'),
        signal: nullableText(members, 'signal'),
      };
    case 'cancelled':
      return { kind };
    case 'setup-failed':
      return { kind, step: text(members, 'step'), errno: text(members, 'errno') };
  }
}

function limitNamed(name: string): LimitName {
  const limit = LIMIT_NAMES.find((known) => known === name);
  if (limit === undefined) throw new FrameError(`no limit is named ${JSON.stringify(name)}`);
  return limit;
}

function parseDiagnosis(members: Members): DiagnosisMessage {
  return {
    type: 'diagnosis',
    kernel: text(members, 'kernel'),
    architecture: text(members, 'architecture'),
    cgroup: oneOf(members, 'cgroup', ['v1', 'v2', 'hybrid', 'none']),
    isolation: {
      backend: 'native',
      level: oneOf(members, 'level', ['full', 'reduced']),
      layers: texts(members, 'layers').map(protectionNamed),
      missing: objects(members, 'missing').map((missing) => ({
        layer: protectionNamed(text(missing, 'layer')),
        reason: text(missing, 'reason'),
      })),
    },
    findings: objects(members, 'findings').map(parseFinding),
    leaving: count(members, 'leaving'),
    quarantined: count(members, 'quarantined'),
  };
}

function protectionNamed(name: string): ProtectionLayer {
  const layer = LAYERS.find((known) => known === name);
  if (layer === undefined) throw new FrameError(`no layer is named ${JSON.stringify(name)}`);
  return layer;
}

function parseFinding(members: Members): Finding {
  const remedy = optionalText(members, 'remedy');
  return {
    id: text(members, 'id'),
    state: oneOf(members, 'state', ['present', 'missing', 'warning']),
    detail: text(members, 'detail'),
    ...(remedy === undefined ? {} : { remedy }),
  };
}
