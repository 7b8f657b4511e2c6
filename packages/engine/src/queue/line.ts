/** Whose turn it is worth. */
export interface Standing {
  readonly tenant: string;
  /** A tenant of weight 2 gets two turns for another's one; above 0. */
  readonly weight: number;
  /** Within its tenant the higher goes first, and of the same rank who came first. */
  readonly rank: number;
}

export interface Place {
  /** Harmless where it was left already. */
  readonly leave: () => void;
  /** How many are let in before it, if nobody else comes. */
  readonly ahead: () => number;
}

/**
 * Who waits, and who is next: weighted fair between tenants, by turns. It is start-time fair
 * queueing (Goyal, Vin, Chen 1996) where each turn costs the same: a tenant's next turn has the tag
 * of its last one and 1/weight more, or the tag of the turn that was given last, whichever is
 * later, and the lowest tag goes first. So who was not there before is next, however many another
 * has waiting; nobody starves; and leaving to come back is no better than staying.
 */
export interface Line<T> {
  join(standing: Standing, waiter: T): Place;
  /** Takes the next one out; undefined where nobody waits. */
  takeNext(): T | undefined;
  /** A turn for one that never had to wait. */
  pass(standing: Standing): void;
  /** How many would be let in before one that joined now. */
  aheadOf(standing: Standing): number;
  length(): number;
}

interface Tenant<T> {
  /** Of its next turn. */
  tag: number;
  weight: number;
  /** When it began to wait: of two with the same tag who waits longer is next. */
  since: number;
  waiting: number;
  readonly ranks: Map<number, Set<{ readonly waiter: T }>>;
}

/** Sums of 1/weight are not exact. */
const SAME = 1e-9;

export function createLine<T>(): Line<T> {
  const tenants = new Map<string, Tenant<T>>();
  let now = 0;
  let arrivals = 0;
  let length = 0;

  const tenantOf = ({ tenant: name, weight }: Standing): Tenant<T> => {
    let tenant = tenants.get(name);
    if (tenant === undefined) {
      tenant = { tag: now, weight, since: 0, waiting: 0, ranks: new Map() };
      tenants.set(name, tenant);
    }
    if (tenant.waiting === 0) tenant.tag = Math.max(tenant.tag, now);
    tenant.weight = weight;
    return tenant;
  };
  const turn = (tenant: Tenant<T>): void => {
    now = tenant.tag;
    tenant.tag += 1 / tenant.weight;
    // What an idle tenant's past says is over when time has come to it.
    for (const [name, { tag, waiting }] of tenants) {
      if (waiting === 0 && tag <= now) tenants.delete(name);
    }
  };
  const remove = (tenant: Tenant<T>, rank: number, place: { readonly waiter: T }): boolean => {
    const places = tenant.ranks.get(rank);
    if (places?.delete(place) !== true) return false;
    if (places.size === 0) tenant.ranks.delete(rank);
    tenant.waiting -= 1;
    length -= 1;
    return true;
  };

  return {
    length: () => length,
    pass: (standing) => turn(tenantOf(standing)),
    join: (standing, waiter) => {
      const { rank } = standing;
      const tenant = tenantOf(standing);
      const place = { waiter };
      arrivals += 1;
      if (tenant.waiting === 0) tenant.since = arrivals;
      const places = tenant.ranks.get(rank) ?? new Set();
      tenant.ranks.set(rank, places.add(place));
      tenant.waiting += 1;
      length += 1;
      return {
        leave: () => {
          remove(tenant, rank, place);
        },
        ahead: () => {
          const own = higher(tenant, rank) + indexIn(places, place);
          return own + othersBefore(tenants, tenant.tag + own / tenant.weight, tenant);
        },
      };
    },
    takeNext: () => {
      const tenant = nextOf(tenants);
      const [rank, places] = highestOf(tenant);
      const place = places?.values().next().value;
      if (tenant === undefined || rank === undefined || place === undefined) return undefined;
      remove(tenant, rank, place);
      turn(tenant);
      return place.waiter;
    },
    aheadOf: ({ tenant: name, weight, rank }) => {
      const known = tenants.get(name);
      if (known === undefined || known.waiting === 0) {
        return othersBefore(tenants, Math.max(known?.tag ?? now, now), undefined);
      }
      const own = higher(known, rank) + (known.ranks.get(rank)?.size ?? 0);
      return own + othersBefore(tenants, known.tag + own / weight, known);
    },
  };
}

/** Turns of other tenants before the one of that tag; of the same tag who waits longer is first. */
function othersBefore<T>(
  tenants: ReadonlyMap<string, Tenant<T>>,
  tag: number,
  mine: Tenant<T> | undefined,
): number {
  let count = 0;
  for (const each of tenants.values()) {
    if (each === mine || each.waiting === 0) continue;
    const turns = Math.ceil((tag - each.tag) * each.weight - SAME);
    const lead = tag - each.tag - turns / each.weight;
    const isTied = Math.abs(lead) < SAME && (mine === undefined || each.since < mine.since);
    count += Math.min(Math.max(0, turns + (isTied ? 1 : 0)), each.waiting);
  }
  return count;
}

function nextOf<T>(tenants: ReadonlyMap<string, Tenant<T>>): Tenant<T> | undefined {
  let next: Tenant<T> | undefined;
  for (const tenant of tenants.values()) {
    if (tenant.waiting === 0) continue;
    if (next === undefined || isBefore(tenant, next)) next = tenant;
  }
  return next;
}

function isBefore<T>(one: Tenant<T>, other: Tenant<T>): boolean {
  if (Math.abs(one.tag - other.tag) < SAME) return one.since < other.since;
  return one.tag < other.tag;
}

function highestOf<T>(tenant: Tenant<T> | undefined) {
  const ranks = [...(tenant?.ranks ?? [])].sort(([one], [other]) => other - one);
  return ranks[0] ?? [];
}

/** Waiters of the tenant that go before this rank. */
function higher<T>({ ranks }: Tenant<T>, rank: number): number {
  let count = 0;
  for (const [each, places] of ranks) if (each > rank) count += places.size;
  return count;
}

function indexIn<T>(places: ReadonlySet<T>, place: T): number {
  let index = 0;
  for (const each of places) {
    if (each === place) return index;
    index += 1;
  }
  return index;
}
