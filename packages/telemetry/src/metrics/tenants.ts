import { Counter, Gauge, type Registry } from 'prom-client';

/** More than so many are one row: a label has a bound as everything has. */
const TENANTS_MAX = 1000;
const OTHERS = 'others';

/** The same by tenant, where the server's owner wants to see that. */
export interface TenantCounts {
  ended(tenant: string, status: string, cpuMs: number): void;
  refused(tenant: string, code: string): void;
  /** @param used share of the quota: 1 is all of it */
  setQuota(tenant: string, quota: string, used: number): void;
}

export function createTenants(registry: Registry, tenantsMax: number = TENANTS_MAX): TenantCounts {
  const names = new Set<string>();
  const registers = [registry];
  const counter = (name: string, help: string, ...more: readonly string[]) => {
    const labelNames = ['tenant', ...more];
    return new Counter({ name: `gozolite_tenant_${name}`, help, labelNames, registers });
  };
  const executions = counter('executions_total', 'Executions that ended.', 'status');
  const cpuSeconds = counter('cpu_seconds_total', 'CPU time that its programs used.');
  const refusals = counter('refusals_total', 'Requests refused, by code.', 'code');
  const quotas = new Gauge({
    ...{ name: 'gozolite_tenant_quota_used_ratio', registers },
    help: 'Share of a quota that is used, by its name; 1 is all of it.',
    labelNames: ['tenant', 'quota'],
  });
  const rowOf = (tenant: string): string => {
    if (names.has(tenant)) return tenant;
    if (names.size >= tenantsMax) return OTHERS;
    names.add(tenant);
    return tenant;
  };
  return {
    ended: (tenant, status, cpuMs) => {
      const row = rowOf(tenant);
      executions.labels(row, status).inc();
      cpuSeconds.labels(row).inc(cpuMs / 1000);
    },
    refused: (tenant, code) => refusals.labels(rowOf(tenant), code).inc(),
    setQuota: (tenant, quota, used) => {
      if (names.has(tenant)) quotas.labels(tenant, quota).set(used);
    },
  };
}
