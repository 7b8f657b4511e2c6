import type { Pool } from '@gozolite/contract/pool/pool';
import type { Usage, UsageWindow } from '@gozolite/contract/tenancy/usage';
import type { Demand } from '@gozolite/engine/demand/demand';
import type { Engine } from '@gozolite/engine/engine';
import { type Backend, BackendUnavailable } from '@gozolite/sandbox/backend';
import type { Load, PoolLoad } from '@gozolite/telemetry/metrics/levels';
import type { Metrics } from '@gozolite/telemetry/metrics/metrics';
import type { TenantCounts } from '@gozolite/telemetry/metrics/tenants';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import type { Toolchains } from '../../toolchains.js';
import type { AnomalyWatch } from '../anomalies.js';
import type { Audit } from '../audit/audit.js';

export interface LookDeps {
  readonly metrics: Metrics;
  readonly backend: Pick<Backend, 'diagnose'>;
  readonly engine: Pick<Engine, 'load'>;
  readonly demand: Pick<Demand, 'state'>;
  readonly toolchains: Pick<Toolchains, 'opened' | 'isOpen'>;
  readonly policies: Policies;
  readonly meter: Meter;
  readonly audit: Audit | undefined;
  /** Deliveries to webhooks; rejects where the store is away. */
  readonly backlog: () => Promise<number>;
  readonly anomalies: Pick<AnomalyWatch, 'now'>;
  readonly concurrency: number;
  readonly queueMax: number;
}

/** What is scraped: what was counted, and how full things are at this moment. */
export async function scrape(deps: LookDeps): Promise<string> {
  const { metrics } = deps;
  metrics.levels.set(await loadOf(deps));
  metrics.webhooks.setBacklog(await deps.backlog().catch(() => Number.NaN));
  metrics.anomalies.set(deps.anomalies.now());
  if (metrics.tenants !== undefined) await setQuotas(deps, metrics.tenants);
  return metrics.render();
}

async function loadOf(deps: LookDeps): Promise<Load> {
  const { engine, demand, toolchains, concurrency, queueMax } = deps;
  const quarantined = await quarantinedOf(deps.backend);
  const pool = quarantined === undefined ? undefined : await demand.state();
  return {
    ...engine.load(),
    slots: concurrency,
    queueMax,
    isLauncherUp: quarantined !== undefined,
    quarantined,
    languages: toolchains.isOpen() ? await availableOf(toolchains) : undefined,
    pool: pool && poolLoadOf(pool),
    audit: deps.audit && auditLoadOf(deps.audit),
  };
}

function auditLoadOf({ trail, recorder }: Audit): Load['audit'] {
  return { entries: trail.size(), isWell: trail.isWell(), ...recorder.behind() };
}

/** @returns undefined where the launcher does not answer */
async function quarantinedOf(backend: LookDeps['backend']): Promise<number | undefined> {
  try {
    return (await backend.diagnose()).quarantined;
  } catch (error) {
    if (error instanceof BackendUnavailable) return undefined;
    throw error;
  }
}

async function availableOf(toolchains: LookDeps['toolchains']): Promise<number> {
  return (await toolchains.opened).list().filter(({ available }) => available).length;
}

function poolLoadOf(pool: Pool): PoolLoad {
  return {
    memoryKb: pool.memory_kb,
    memoryKbMax: pool.memory_kb_max,
    budgetKb: pool.budget_kb,
    recipes: pool.recipes,
  };
}

const SPANS = ['hour', 'day', 'month'] as const;
const KINDS = ['executions', 'cpu_ms', 'output_bytes'] as const;

async function setQuotas({ meter, policies }: LookDeps, tenants: TenantCounts): Promise<void> {
  for (const tenant of tenants.seen()) {
    const usage: Usage = await meter.usage(tenant, policies.of(tenant));
    for (const span of SPANS) {
      for (const kind of KINDS)
        setQuota(tenants, { tenant, name: `${kind}/${span}` }, usage[span][kind]);
    }
  }
}

function setQuota(
  tenants: TenantCounts,
  { tenant, name }: { readonly tenant: string; readonly name: string },
  { used, quota }: UsageWindow['cpu_ms'],
): void {
  if (quota !== null) tenants.setQuota(tenant, name, quota === 0 ? 1 : used / quota);
}
