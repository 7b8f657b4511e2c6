import { type Baseline, highestOf, learn, NO_PAST } from './baseline.js';

/** What is looked at: programs out of time, at another limit, and sandboxes that failed. */
export const SIGNALS = ['timeouts', 'limits', 'faults'] as const;
export type Signal = (typeof SIGNALS)[number];

/** One tenant's share of these is far above what it was. */
export interface Anomaly {
  readonly tenant: string;
  readonly signal: Signal;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** Shares of its executions, 0 to 1: as it was seen, and as it was before. */
  readonly share: number;
  readonly usual: number;
  /** Executions that the share is of. */
  readonly count: number;
}

export interface AnomaliesOptions {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** A window lasts at least so long, and has at least twenty executions. */
  readonly windowMs: number;
  readonly onBegin: (anomaly: Anomaly) => void;
  readonly onEnd: (anomaly: Anomaly) => void;
  readonly tenantsMax?: number;
}

export interface Anomalies {
  ended(tenant: string, signals: readonly Signal[]): void;
  /** Those that go on. */
  now(): readonly Anomaly[];
}

/** A share of fewer executions says nothing. */
const COUNT_MIN = 20;
const HITS_MIN: Readonly<Record<Signal, number>> = { timeouts: 10, limits: 10, faults: 5 };
/** Before that a tenant has no past. */
const WINDOWS_MIN = 6;
/** Who sends nothing for so long is not unusual any more. */
const SILENT_MS = 1_800_000;
const TENANTS_MAX = 10_000;

interface Past {
  beganAtMs: number;
  lastAtMs: number;
  count: number;
  readonly of: Readonly<Record<Signal, { hits: number; baseline: Baseline; anomaly?: Anomaly }>>;
}

/** Compares each tenant with itself: docs/adr/0087. Some additions for each execution. */
export function createAnomalies(options: AnomaliesOptions): Anomalies {
  const { nowMs, windowMs, onBegin, onEnd, tenantsMax = TENANTS_MAX } = options;
  const pasts = new Map<string, Past>();

  const end = (past: Past, signal: Signal) => {
    const own = past.of[signal];
    if (own.anomaly !== undefined) onEnd(own.anomaly);
    delete own.anomaly;
  };
  const pastOf = (tenant: string): Past => {
    const known = pasts.get(tenant);
    pasts.delete(tenant);
    const past = known ?? fresh(nowMs());
    pasts.set(tenant, past);
    const [oldest] = pasts;
    if (pasts.size > tenantsMax && oldest !== undefined) {
      for (const signal of SIGNALS) end(oldest[1], signal);
      pasts.delete(oldest[0]);
    }
    return past;
  };
  const look = (tenant: string, past: Past, signal: Signal) => {
    const own = past.of[signal];
    if (own.anomaly !== undefined || !isFar(past, signal)) return;
    const { count } = past;
    const usual = own.baseline.mean;
    own.anomaly = { tenant, signal, sinceMs: nowMs(), share: own.hits / count, usual, count };
    onBegin(own.anomaly);
  };
  const close = (past: Past) => {
    for (const signal of SIGNALS) {
      const own = past.of[signal];
      if (!isFar(past, signal)) end(past, signal);
      const share = own.hits / past.count;
      // What is far is learnt as what was just not: a new habit is one after some hours.
      const learnt = hasPast(own.baseline)
        ? Math.min(share, highestOf(own.baseline, past.count))
        : share;
      own.baseline = learn(own.baseline, learnt);
      own.hits = 0;
    }
    past.count = 0;
    past.beganAtMs = nowMs();
  };
  return {
    ended: (tenant, signals) => {
      const past = pastOf(tenant);
      past.lastAtMs = nowMs();
      past.count += 1;
      for (const signal of signals) past.of[signal].hits += 1;
      for (const signal of signals) look(tenant, past, signal);
      if (past.count >= COUNT_MIN && past.lastAtMs - past.beganAtMs >= windowMs) close(past);
    },
    now: () => {
      const silentAtMs = nowMs() - SILENT_MS;
      const found: Anomaly[] = [];
      for (const past of pasts.values()) {
        for (const signal of SIGNALS) {
          if (past.lastAtMs < silentAtMs) end(past, signal);
          const { anomaly } = past.of[signal];
          if (anomaly !== undefined) found.push(anomaly);
        }
      }
      return found;
    },
  };
}

function hasPast({ windows }: Baseline): boolean {
  return windows >= WINDOWS_MIN;
}

function isFar({ count, of }: Past, signal: Signal): boolean {
  const { hits, baseline } = of[signal];
  if (!hasPast(baseline) || count < COUNT_MIN || hits < HITS_MIN[signal]) return false;
  return hits / count > highestOf(baseline, count);
}

function fresh(now: number): Past {
  const none = () => ({ hits: 0, baseline: NO_PAST });
  const of = { timeouts: none(), limits: none(), faults: none() };
  return { beganAtMs: now, lastAtMs: now, count: 0, of };
}
