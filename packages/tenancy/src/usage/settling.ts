import { createCounts } from '@gozolite/contract/memory/counts';
import type { Database } from '@gozolite/store/sql';
import { type Amounts, type Reservation, type UsageBatch, writeUsage } from '@gozolite/store/usage';
import { windowsAt } from './spans.js';

/** Behind the answers of that time, and together: one transaction for all of them. */
const SETTLE_MS = 20;

/**
 * Writes down what nobody has to wait for, a moment later: what was really used, in the place of
 * what was set aside, and executions that no quota bounds. Until then more is taken as used than
 * was, of tenants with quotas in the store: nothing gets past one by it.
 */
export interface Settling {
  /** One that no quota bounds; to be ended like any other. */
  begin(reservation: Reservation): void;
  end(execution: string, tenant: string, used: Amounts): void;
  /** Whether the store does not have all of this tenant's yet. */
  owes(tenant: string): boolean;
  /** Whether there are some that it knows nothing of. */
  hides(tenant: string): boolean;
  /** All that was told before is in the store, or told as lost. */
  settled(): Promise<void>;
}

export function createSettling(store: Database, onLost: (error: unknown) => void): Settling {
  const owed = createCounts();
  const hidden = createCounts();
  let batch = createBatch();
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  const settled = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (batch.tenants.length === 0) return last;
    const { begun, ended, whole, tenants, unknown } = batch;
    batch = createBatch();
    last = last
      .then(() => writeUsage(store, { begun: [...begun.values()], ended, whole }, windowsAt))
      .catch(onLost)
      .finally(() => {
        for (const tenant of tenants) owed.add(tenant, -1);
        for (const tenant of unknown) hidden.add(tenant, -1);
      });
    return last;
  };
  const tell = (tenant: string): void => {
    owed.add(tenant, 1);
    batch.tenants.push(tenant);
    timer ??= setTimeout(() => void settled(), SETTLE_MS);
  };
  return {
    begin: (reservation) => {
      const { execution, tenant } = reservation;
      batch.begun.set(execution, reservation);
      batch.unknown.push(tenant);
      hidden.add(tenant, 1);
      tell(tenant);
    },
    end: (execution, tenant, used) => {
      const reservation = batch.begun.get(execution);
      if (reservation === undefined) batch.ended.push({ execution, used });
      else if (used.executions > 0) batch.whole.push({ reservation, used });
      batch.begun.delete(execution);
      tell(tenant);
    },
    owes: (tenant) => owed.of(tenant) > 0,
    hides: (tenant) => hidden.of(tenant) > 0,
    settled,
  };
}

function createBatch() {
  return {
    begun: new Map<string, Reservation>(),
    ended: [] as UsageBatch['ended'][number][],
    whole: [] as UsageBatch['whole'][number][],
    /** Once for each that was told. */
    tenants: [] as string[],
    unknown: [] as string[],
  };
}
