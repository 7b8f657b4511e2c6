import type { Execution, StageResult } from '@gozolite/contract/execution';
import {
  type Anomalies,
  type Anomaly,
  createAnomalies,
  type Signal,
} from '@gozolite/telemetry/anomalies/anomalies';
import type { LogFields, Logger } from '@gozolite/telemetry/logger';
import type { Metrics } from '@gozolite/telemetry/metrics/metrics';
import type { ExecutionWatch } from './watched.js';

export interface AnomalyDeps {
  readonly windowMs: number;
  readonly metrics: Pick<Metrics, 'anomalies'>;
  readonly log: Logger;
}

/** Tells when a tenant is far from its own past, and when it no longer is. */
export interface AnomalyWatch extends Pick<Anomalies, 'now'> {
  readonly watch: ExecutionWatch;
}

export function watchAnomalies({ windowMs, metrics, log }: AnomalyDeps): AnomalyWatch {
  const anomalies = createAnomalies({
    ...{ nowMs: Date.now, windowMs },
    onBegin: (anomaly) => {
      metrics.anomalies.began(anomaly.signal);
      log.warn(fieldsOf(anomaly), 'a tenant is far from its own past');
    },
    onEnd: (anomaly) => log.info(fieldsOf(anomaly), 'a tenant is as usual again'),
  });
  return {
    now: anomalies.now,
    watch: { ended: (execution) => anomalies.ended(execution.tenant, signalsOf(execution)) },
  };
}

function fieldsOf({ tenant, signal: reason, share, usual, count }: Anomaly): LogFields {
  return { tenant, reason, share, usual, count };
}

const TIMES: ReadonlySet<string> = new Set(['wall_time_ms', 'cpu_time_ms']);
const NONE: readonly Signal[] = [];

export function signalsOf(execution: Execution): readonly Signal[] {
  const { error, compile } = execution;
  if (error === 'SANDBOX_UNAVAILABLE' || error === 'INTERNAL') return ['faults'];
  const met = [...limitsOf(execution), ...(compile === undefined ? [] : limitsOf(compile))];
  if (met.length === 0) return NONE;
  const isLate = met.some((limit) => TIMES.has(limit));
  const isFull = met.some((limit) => !TIMES.has(limit));
  return [...(isLate ? (['timeouts'] as const) : []), ...(isFull ? (['limits'] as const) : [])];
}

function limitsOf({ limit, limits_hit: hit = [] }: StageResult): readonly string[] {
  return limit === undefined ? hit : [limit, ...hit];
}
