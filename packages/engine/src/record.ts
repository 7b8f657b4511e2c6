import type {
  Artifact,
  Diagnostic,
  Execution,
  Isolation,
  StageResult,
} from '@gozolite/contract/execution';
import type { Connection } from '@gozolite/contract/network';
import type { Admitted, Identity, MissingToolchain } from './admitted.js';
import { NOTHING_RAN } from './capture/capture.js';
import type { Judgement } from './judge.js';

/** Milliseconds, exact; the record rounds them. */
export interface Timings {
  readonly queueMs: number;
  /** Making sandboxes, of both stages, until their programs could run. */
  readonly prepareMs: number;
  readonly compileMs: number;
  readonly runMs: number;
  readonly totalMs: number;
}

export const NO_TIME: Timings = { queueMs: 0, prepareMs: 0, compileMs: 0, runMs: 0, totalMs: 0 };

/** How one execution ended, whichever stage was its last. */
export interface Ending {
  readonly judgement: Judgement;
  readonly compile?: StageResult;
  readonly run?: StageResult;
  readonly artifacts: readonly Artifact[];
  readonly diagnostics?: readonly Diagnostic[];
  /** Absent where no sandbox with a network ran. */
  readonly connections?: readonly Connection[];
  readonly timings: Timings;
  /** Every sandbox of it was made before it was asked for. */
  readonly prepared: boolean;
}

export function recordOf(admitted: Admitted, ending: Ending, isolation: Isolation): Execution {
  const { language, version, toolchain } = admitted.recipe;
  return {
    ...opening(admitted),
    ...ending.judgement,
    ...(ending.run ?? NOTHING_RAN),
    ...(ending.compile === undefined ? {} : { compile: ending.compile }),
    ...(ending.diagnostics?.length ? { diagnostics: [...ending.diagnostics] } : {}),
    timings: roundTimings(ending.timings),
    language: { id: language, version, toolchain: { ...toolchain } },
    ...closing(admitted, isolation, ending.prepared),
    ...(admitted.artifacts.length === 0 ? {} : { artifacts: [...ending.artifacts] }),
    ...(admitted.data === undefined ? {} : { data: [...admitted.data] }),
    ...(admitted.network === undefined ? {} : { network_log: [...(ending.connections ?? [])] }),
  };
}

/** The record of a language that is known, and not installed here. */
export function missingToolchainRecord(request: MissingToolchain, isolation: Isolation): Execution {
  return {
    ...opening(request),
    status: 'failed',
    error: 'TOOLCHAIN_MISSING',
    message: request.message,
    ...NOTHING_RAN,
    timings: roundTimings(NO_TIME),
    language: { id: request.language, version: request.version, toolchain: null },
    ...closing(request, isolation, false),
  };
}

/** What its record is where the server dies before its end: written down before it begins. */
export function interruptedRecord(admitted: Admitted, isolation: Isolation): Execution {
  const judgement: Judgement = {
    status: 'failed',
    error: 'INTERRUPTED',
    message: 'the server ended before it did; send it again',
  };
  const ending = { judgement, artifacts: [], prepared: false, timings: NO_TIME };
  return recordOf(admitted, ending, isolation);
}

function opening({ id, requestId, tenant, labels, createdAt }: Identity) {
  return {
    id,
    request_id: requestId,
    tenant,
    ...(labels === undefined ? {} : { labels: { ...labels } }),
    created_at: createdAt.toISOString(),
  };
}

function closing({ limits, policyDigest }: Identity, isolation: Isolation, prepared: boolean) {
  const policy = policyDigest === undefined ? {} : { policy_digest: policyDigest };
  return { limits: { ...limits }, isolation, prepared, ...policy };
}

function roundTimings(timings: Timings): Execution['timings'] {
  return {
    queue_ms: toMicroseconds(timings.queueMs),
    prepare_ms: toMicroseconds(timings.prepareMs),
    compile_ms: toMicroseconds(timings.compileMs),
    run_ms: toMicroseconds(timings.runMs),
    total_ms: toMicroseconds(timings.totalMs),
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
