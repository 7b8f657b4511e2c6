import type { TracingSettings } from '@gozolite/telemetry/tracing/settings';
import { readTracing } from './tracing/settings.js';

export interface ChoiceReader {
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
}

export interface Observing {
  /** Whether the metrics name tenants. */
  readonly metricsTenants: boolean;
  readonly audit: AuditSetting;
  /** Absent where no traces are sent. */
  readonly tracing: TracingSettings | undefined;
}

/** `required`: what can't be put on record is not done. */
export type AuditSetting = 'off' | 'best-effort' | 'required';

const YES_OR_NO = ['true', 'false'] as const;

/** What is told of what happens: docs/reference/service/metrics.md. */
export function readObserving(
  read: ChoiceReader,
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
    tracing: readTracing(env, faults),
  };
}
