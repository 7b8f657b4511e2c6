import type { Refusal } from '@gozolite/contract/refusal';
import { countClaims, findClaim } from '@gozolite/store/idempotency';
import type { Database } from '@gozolite/store/sql';
import { CLAIM_MS } from '../keeping.js';
import type { Key } from './idempotency.js';

/** How many Idempotency-Keys of one tenant are remembered at once. */
export interface KeyRoom {
  /** Call once before a key is taken. @returns why it may not be, unless it is known already */
  refuse(key: Key): Promise<Refusal | undefined>;
}

interface Counted {
  readonly count: number;
  /** Since it was counted. */
  taken: number;
  readonly at: number;
  /** When the oldest was taken. */
  readonly oldest: number;
}

/** So long what was counted holds: other servers take keys, too. */
const HOLDS_MS = 60_000;
/** Who has no room left asks often, and counting is work. */
const FULL_HOLDS_MS = 1000;

export function createKeyRoom(store: Database, perTenantMax: number): KeyRoom {
  const known = new Map<string, Counted>();
  const holdsMs = ({ count, taken }: Counted): number => {
    if (count + taken < perTenantMax) return HOLDS_MS;
    // Some of what was taken was refused then: what is full is counted, not guessed.
    return taken === 0 ? FULL_HOLDS_MS : 0;
  };
  const countOf = async ({ tenant, at, since }: Key): Promise<Counted> => {
    const before = known.get(tenant);
    if (before !== undefined && at - before.at < holdsMs(before)) return before;
    const counted: Counted = { ...(await countClaims(store, tenant, since)), at, taken: 0 };
    forgetOld(known, at);
    known.set(tenant, counted);
    return counted;
  };
  return {
    refuse: async (key) => {
      const counted = await countOf(key);
      if (counted.count + counted.taken < perTenantMax) {
        counted.taken += 1;
        return undefined;
      }
      if ((await findClaim(store, key)) !== undefined) return undefined;
      return crowded(perTenantMax, counted.oldest + CLAIM_MS - key.at);
    },
  };
}

function forgetOld(known: Map<string, Counted>, now: number): void {
  for (const [tenant, { at }] of known) if (now - at >= HOLDS_MS) known.delete(tenant);
}

function crowded(quota: number, freeInMs: number): Refusal {
  return {
    code: 'RATE_LIMITED',
    detail:
      `${quota} Idempotency-Keys of this tenant are remembered, each for 24 hours, and more may ` +
      'not be (GOZO_IDEMPOTENCY_KEYS): without the header the request is taken.',
    retryAfterMs: Math.max(1000, freeInMs),
    limit: { name: 'idempotency_keys', quota, remaining: 0 },
  };
}
