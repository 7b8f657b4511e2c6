import type { TracingSettings } from '@gozolite/telemetry/tracing/settings';
import { readTracing } from './tracing/settings.js';

export interface ObservingReader {
  integer(
    name: string,
    bounds: { readonly min: number; readonly max: number; readonly fallback: number },
  ): number;
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
}

export interface Observing {
  /** Whether the metrics name tenants. */
  readonly metricsTenants: boolean;
  readonly audit: AuditSetting;
  /** Tenants are compared with their past by windows of at least so long. */
  readonly anomalyWindowMs: number;
  /** Absent where no traces are sent. */
  readonly tracing: TracingSettings | undefined;
}

/** `required`: what can't be put on record is not done. */
export type AuditSetting = 'off' | 'best-effort' | 'required';

const YES_OR_NO = ['true', 'false'] as const;

const WINDOW_S = { min: 0, max: 86_400, fallback: 300 };

/** What is told of what happens: docs/reference/observing/metrics.md. */
export function readObserving(
  read: ObservingReader,
  hasKeys: boolean,
  env: Readonly<Record<string, string | undefined>>,
  faults: string[],
): Observing {
  const isAudited = read.choice('GOZO_AUDIT', YES_OR_NO, hasKeys ? 'true' : 'false') === 'true';
  const isRequired = read.choice('GOZO_AUDIT_REQUIRED', YES_OR_NO, 'true') === 'true';
  const kept = isRequired ? 'required' : 'best-effort';
  return {
    metricsTenants: read.choice('GOZO_METRICS_TENANTS', YES_OR_NO, 'false') === 'true',
    audit: isAudited ? kept : 'off',
    anomalyWindowMs: 1000 * read.integer('GOZO_ANOMALY_WINDOW_S', WINDOW_S),
    tracing: readTracing(env, faults),
  };
}
