import { Gauge, type Registry } from 'prom-client';

/** More than so many are not looked at: what a scrape costs has a bound as everything has. */
const TENANTS_MAX = 1000;

/** How near tenants are to their quotas, without saying who. */
export interface QuotaCounts {
  /** It asked for something. */
  saw(tenant: string): void;
  /** Who did since the start; of more than a bound those that came first. */
  tenants(): readonly string[];
  /** @param fullest of each quota the greatest share that anybody has used: 1 is all of it */
  set(fullest: ReadonlyMap<string, number>): void;
}

export function quotasOn(registry: Registry, tenantsMax: number = TENANTS_MAX): QuotaCounts {
  const names = new Set<string>();
  const saturation = new Gauge({
    ...{ name: 'gozolite_quota_saturation', labelNames: ['quota'], registers: [registry] },
    help: 'The greatest share of a quota that any tenant has used; 1 is all of it.',
  });
  return {
    saw: (tenant) => {
      if (names.size < tenantsMax) names.add(tenant);
    },
    tenants: () => [...names],
    set: (fullest) => {
      saturation.reset();
      for (const [quota, used] of fullest) saturation.labels(quota).set(used);
    },
  };
}
