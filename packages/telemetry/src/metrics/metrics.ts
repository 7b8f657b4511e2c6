import { collectDefaultMetrics, Registry } from 'prom-client';
import { type AnomalyCounts, anomaliesOn } from './anomalies.js';
import { type Counts, countsOn } from './counts.js';
import { type Levels, levelsOn } from './levels.js';
import { type QuotaCounts, quotasOn } from './quotas.js';
import { createTenants, type TenantCounts } from './tenants.js';
import { type WebhookCounts, webhooksOn } from './webhooks.js';

export interface MetricsOptions {
  readonly version: string;
  /** Whether tenants' names are labels: who may scrape then sees who uses the server. */
  readonly tenants: boolean;
}

/** What a scraper is given, and what the parts of the server say to it. */
export interface Metrics {
  readonly counts: Counts;
  /** Set when somebody looks. */
  readonly levels: Levels;
  readonly anomalies: AnomalyCounts;
  readonly quotas: QuotaCounts;
  /** Absent where tenants are no labels. */
  readonly tenants: TenantCounts | undefined;
  readonly webhooks: WebhookCounts;
  readonly contentType: string;
  /** Every name, as it is scraped. */
  names(): readonly string[];
  render(): Promise<string>;
}

/** How late the event loop is, is looked at so often; prom-client's own 10 ms keep a CPU awake. */
const EVENT_LOOP_STEP_MS = 100;

/** A registry of its own: two servers in one process do not count each other's requests. */
export function createMetrics({ version, tenants }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_STEP_MS });
  const counts = countsOn(registry);
  const levels = levelsOn(registry, version);
  const webhooks = webhooksOn(registry);
  return {
    counts,
    levels,
    webhooks,
    anomalies: anomaliesOn(registry, tenants),
    quotas: quotasOn(registry),
    tenants: tenants ? createTenants(registry) : undefined,
    contentType: registry.contentType,
    names: () => registry.getMetricsAsArray().flatMap(({ name, type }) => namesOf(name, type)),
    render: () => registry.metrics(),
  };
}

const OF_A_HISTOGRAM = ['_bucket', '_sum', '_count'];

function namesOf(name: string, type: unknown): readonly string[] {
  return type === 'histogram' ? OF_A_HISTOGRAM.map((end) => `${name}${end}`) : [name];
}
