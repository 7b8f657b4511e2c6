import type { Pool } from '@gozolite/contract/pool/pool';
import type { UsageWindow } from '@gozolite/contract/tenancy/usage';
import type { Demand } from '@gozolite/engine/demand/demand';
import type { Engine } from '@gozolite/engine/engine';
import type { Reservation } from '@gozolite/engine/queue/room';
import { type Backend, type BackendDiagnosis, BackendUnavailable } from '@gozolite/sandbox/backend';
import type { Load, PoolLoad } from '@gozolite/telemetry/metrics/levels';
import type { Metrics } from '@gozolite/telemetry/metrics/metrics';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import type { Listeners } from '../../listeners/listeners.js';
import type { Toolchains } from '../../toolchains.js';
import type { AnomalyWatch } from '../anomalies.js';
import type { Audit } from '../audit/audit.js';
import type { StoreWatch } from '../store-watch.js';

export interface LookDeps {
  readonly metrics: Metrics;
  readonly backend: Pick<Backend, 'diagnose'>;
  readonly engine: Pick<Engine, 'load' | 'reserved'>;
  readonly demand: Pick<Demand, 'state'>;
  readonly toolchains: Pick<Toolchains, 'opened' | 'isOpen'>;
  readonly policies: Policies;
  readonly meter: Meter;
  readonly audit: Audit | undefined;
  /** Deliveries to webhooks; rejects where the store is away. */
  readonly backlog: () => Promise<number>;
  readonly anomalies: Pick<AnomalyWatch, 'now'>;
  readonly listeners: Pick<Listeners, 'count' | 'max'>;
  /** Absent where there is none. */
  readonly store: StoreWatch | undefined;
  readonly concurrency: number;
  readonly reservable: Reservation;
  readonly queueMax: number;
}

/** What is scraped: what was counted, and how full things are at this moment. */
export async function scrape(deps: LookDeps): Promise<string> {
  const { metrics } = deps;
  metrics.levels.set(await loadOf(deps));
  metrics.webhooks.setBacklog(await deps.backlog().catch(() => Number.NaN));
  metrics.anomalies.set(deps.anomalies.now());
  await setQuotas(deps);
  return metrics.render();
}

async function loadOf(deps: LookDeps): Promise<Load> {
  const { engine, demand, toolchains, concurrency, reservable, queueMax } = deps;
  const seen = await lookAt(deps.backend);
  const pool = seen === undefined ? undefined : await demand.state();
  return {
    ...engine.load(),
    slots: concurrency,
    reserved: engine.reserved(),
    reservable,
    listeners: deps.listeners.count(),
    listenersMax: deps.listeners.max,
    queueMax,
    isLauncherUp: seen !== undefined,
    isStoreUp: await deps.store?.isUp(),
    leaving: seen?.leaving,
    quarantined: seen?.quarantined,
    languages: toolchains.isOpen() ? await availableOf(toolchains) : undefined,
    pool: pool && poolLoadOf(pool),
    audit: deps.audit && auditLoadOf(deps.audit),
  };
}

function auditLoadOf({ trail, recorder }: Audit): Load['audit'] {
  return { entries: trail.size(), isWell: trail.isWell(), ...recorder.behind() };
}

/** @returns undefined where the launcher does not answer */
async function lookAt(backend: LookDeps['backend']): Promise<BackendDiagnosis | undefined> {
  try {
    return await backend.diagnose();
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

async function setQuotas({ meter, policies, metrics }: LookDeps): Promise<void> {
  const fullest = new Map<string, number>();
  for (const tenant of metrics.quotas.tenants()) {
    const policy = policies.of(tenant);
    if (!hasQuota(policy)) continue;
    const usage = await meter.usage(tenant, policy);
    for (const span of SPANS) {
      for (const kind of KINDS) {
        const share = shareOf(usage[span][kind]);
        if (share === undefined) continue;
        const name = `${kind}/${span}`;
        fullest.set(name, Math.max(fullest.get(name) ?? 0, share));
        metrics.tenants?.setQuota(tenant, name, share);
      }
    }
  }
  metrics.quotas.set(fullest);
}

function hasQuota({ quotas }: Policy): boolean {
  return SPANS.some((span) => Object.values(quotas[span]).some((quota) => quota !== undefined));
}

function shareOf({ used, quota }: UsageWindow['cpu_ms']): number | undefined {
  if (quota === null) return undefined;
  return quota === 0 ? 1 : used / quota;
}
