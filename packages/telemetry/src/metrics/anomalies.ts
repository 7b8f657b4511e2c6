import { Counter, Gauge, type Registry } from 'prom-client';
import { type Anomaly, SIGNALS, type Signal } from '../anomalies/anomalies.js';

/** Rows by tenant have a bound as everything has. */
const TENANTS_MAX = 1000;

export interface AnomalyCounts {
  began(signal: Signal): void;
  /** All that go on, set when somebody looks. */
  set(anomalies: readonly Anomaly[]): void;
}

/** @param byTenant whether tenants' names are labels */
export function anomaliesOn(registry: Registry, byTenant: boolean): AnomalyCounts {
  const registers = [registry];
  const began = new Counter({
    ...{ name: 'gozolite_anomalies_total', registers, labelNames: ['signal'] },
    help: 'Times that a tenant went far from its own past.',
  });
  const tenants = new Gauge({
    ...{ name: 'gozolite_tenants_anomalous', registers, labelNames: ['signal'] },
    help: 'Tenants that are far from their own past now.',
  });
  const rows = byTenant
    ? new Gauge({
        ...{ name: 'gozolite_tenant_anomaly_ratio', registers, labelNames: ['tenant', 'signal'] },
        help: 'Share of executions of a tenant that is far from its own past.',
      })
    : undefined;
  for (const signal of SIGNALS) began.labels(signal).inc(0);
  return {
    began: (signal) => began.labels(signal).inc(),
    set: (anomalies) => {
      for (const signal of SIGNALS) {
        tenants.labels(signal).set(anomalies.filter((each) => each.signal === signal).length);
      }
      rows?.reset();
      for (const { tenant, signal, share } of anomalies.slice(0, TENANTS_MAX)) {
        rows?.labels(tenant, signal).set(share);
      }
    },
  };
}
