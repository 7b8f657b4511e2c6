import { Counter, Gauge, type Registry } from 'prom-client';

/** What becomes of deliveries; outcomes are a closed set. */
export interface WebhookCounts {
  attempted(outcome: string): void;
  ended(state: string): void;
  /** Set when somebody looks. */
  setBacklog(count: number): void;
}

export function webhooksOn(registry: Registry): WebhookCounts {
  const registers = [registry];
  const attempts = new Counter({
    ...{ name: 'gozolite_webhook_attempts_total', labelNames: ['outcome'], registers },
    help: 'Attempts to deliver, by what they came to.',
  });
  const deliveries = new Counter({
    ...{ name: 'gozolite_webhook_deliveries_total', labelNames: ['state'], registers },
    help: 'Deliveries that were made, or given up.',
  });
  const backlog = new Gauge({
    ...{ name: 'gozolite_webhook_backlog', registers },
    help: 'Deliveries that are neither made nor given up.',
  });
  return {
    attempted: (outcome) => attempts.labels(outcome).inc(),
    ended: (state) => deliveries.labels(state).inc(),
    setBacklog: (count) => backlog.set(count),
  };
}
