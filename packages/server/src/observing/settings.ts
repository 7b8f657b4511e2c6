export interface ChoiceReader {
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
}

export interface Observing {
  /** Whether the metrics name tenants. */
  readonly metricsTenants: boolean;
}

const YES_OR_NO = ['true', 'false'] as const;

/** What is told of what happens: docs/reference/service/metrics.md. */
export function readObserving(read: ChoiceReader): Observing {
  return { metricsTenants: read.choice('GOZO_METRICS_TENANTS', YES_OR_NO, 'false') === 'true' };
}
