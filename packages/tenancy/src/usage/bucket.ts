/** So much comes in each second, up to so much at once. */
export interface Flow {
  readonly perS: number;
  readonly burst: number;
}

/** Tenants whose buckets are kept; a forgotten one is full. */
const BUCKETS_MAX = 100_000;

/** A token bucket for each name. */
export interface Buckets {
  /** What is in it now; below 0 where more was taken out than there was. */
  level(name: string, flow: Flow): number;
  /** Takes it out, whatever there is. */
  take(name: string, flow: Flow, amount: number): void;
  /** Until there is so much in it, in ms; 0: there is. */
  waitMs(name: string, flow: Flow, amount: number): number;
}

/** @param nowMs milliseconds that never go back */
export function createBuckets(nowMs: () => number): Buckets {
  const buckets = new Map<string, { readonly level: number; readonly atMs: number }>();
  const level = (name: string, { perS, burst }: Flow): number => {
    const known = buckets.get(name);
    if (known === undefined) return burst;
    return Math.min(burst, known.level + ((nowMs() - known.atMs) * perS) / 1000);
  };
  return {
    level,
    take: (name, flow, amount) => {
      const left = level(name, flow) - amount;
      buckets.delete(name);
      buckets.set(name, { level: left, atMs: nowMs() });
      const oldest = buckets.keys().next().value;
      if (buckets.size > BUCKETS_MAX && oldest !== undefined) buckets.delete(oldest);
    },
    waitMs: (name, flow, amount) => {
      const lacking = amount - level(name, flow);
      return lacking <= 0 ? 0 : Math.ceil((lacking * 1000) / flow.perS);
    },
  };
}
