import type { IntegerReader } from '../pool/settings.js';

/** Connections at once that wait or listen, of all tenants and of one. */
export interface ListenerBounds {
  readonly max: number;
  readonly perTenantMax: number;
}

/** @param hasTenants without, one has it all */
export function readListeners(read: IntegerReader, hasTenants: boolean): ListenerBounds {
  const bounds = { min: 1, max: 100_000 };
  const max = read.integer('GOZO_LISTENERS', { ...bounds, fallback: 1024 });
  const fallback = hasTenants ? Math.ceil(max / 4) : max;
  const perTenantMax = read.integer('GOZO_LISTENERS_PER_TENANT', { ...bounds, fallback });
  return { max, perTenantMax };
}
