/** Whose turn it is worth. */
export interface Standing {
  readonly tenant: string;
  /** A tenant of weight 2 gets two turns for another's one; above 0. */
  readonly weight: number;
  /** Within its tenant the higher goes first, and of the same rank who came first. */
  readonly rank: number;
  /** What the turn is charged: 1 for one slot's share; above 0. */
  readonly cost: number;
}

/** Who is let in before, and what their turns cost together. */
export interface Ahead {
  readonly count: number;
  readonly cost: number;
}

export interface Place {
  /** Harmless where it was left already. */
  readonly leave: () => void;
  /** Of those that are let in before it, if nobody else comes. */
  readonly ahead: () => Ahead;
}

/**
 * Who waits, and who is next: weighted fair between tenants, by turns. It is start-time fair
 * queueing (Goyal, Vin, Chen 1996): a tenant's next turn has the tag of its last one and that one's
 * cost/weight more, or the tag of the turn that was given last, whichever is later, and the lowest
 * tag goes first. So who was not there before is next, however many another has waiting; nobody
 * starves; and leaving to come back is no better than staying.
 */
export interface Line<T> {
  join(standing: Standing, waiter: T): Place;
  /** Who is next; undefined where nobody waits. */
  first(): T | undefined;
  /** Takes the next one out; undefined where nobody waits. */
  takeNext(): T | undefined;
  /** A turn for one that never had to wait. */
  pass(standing: Standing): void;
  /** Of those that would be let in before one that joined now. */
  aheadOf(standing: Standing): Ahead;
  length(): number;
}

interface InLine<T> {
  readonly waiter: T;
  readonly cost: number;
}

interface Tenant<T> {
  /** Of its next turn. */
  tag: number;
  weight: number;
  /** When it began to wait: of two with the same tag who waits longer is next. */
  since: number;
  waiting: number;
  readonly ranks: Map<number, Set<InLine<T>>>;
  /** How many wait whose turn costs so much: mostly all of them the same. */
  readonly costs: Map<number, number>;
}

/** Sums of cost/weight are not exact. */
const SAME = 1e-9;
const NOBODY: Ahead = { count: 0, cost: 0 };

export function createLine<T>(): Line<T> {
  const tenants = new Map<string, Tenant<T>>();
  let now = 0;
  let arrivals = 0;
  let length = 0;

  const tenantOf = ({ tenant: name, weight }: Standing): Tenant<T> => {
    let tenant = tenants.get(name);
    if (tenant === undefined) {
      tenant = { tag: now, weight, since: 0, waiting: 0, ranks: new Map(), costs: new Map() };
      tenants.set(name, tenant);
    }
    if (tenant.waiting === 0) tenant.tag = Math.max(tenant.tag, now);
    tenant.weight = weight;
    return tenant;
  };
  const turn = (tenant: Tenant<T>, cost: number): void => {
    now = tenant.tag;
    tenant.tag += cost / tenant.weight;
    // What an idle tenant's past says is over when time has come to it.
    for (const [name, { tag, waiting }] of tenants) {
      if (waiting === 0 && tag <= now) tenants.delete(name);
    }
  };
  const remove = (tenant: Tenant<T>, rank: number, place: InLine<T>): boolean => {
    const places = tenant.ranks.get(rank);
    if (places?.delete(place) !== true) return false;
    if (places.size === 0) tenant.ranks.delete(rank);
    count(tenant, place.cost, -1);
    length -= 1;
    return true;
  };

  return {
    length: () => length,
    pass: (standing) => turn(tenantOf(standing), standing.cost),
    join: (standing, waiter) => {
      const { rank, cost } = standing;
      const tenant = tenantOf(standing);
      const place = { waiter, cost };
      arrivals += 1;
      if (tenant.waiting === 0) tenant.since = arrivals;
      const places = tenant.ranks.get(rank) ?? new Set();
      tenant.ranks.set(rank, places.add(place));
      count(tenant, cost, 1);
      length += 1;
      return {
        leave: () => {
          remove(tenant, rank, place);
        },
        ahead: () => withOthers(tenants, ownBefore(tenant, place), tenant),
      };
    },
    first: () => firstOf(tenants)?.place.waiter,
    takeNext: () => {
      const found = firstOf(tenants);
      if (found === undefined) return undefined;
      const { tenant, rank, place } = found;
      remove(tenant, rank, place);
      turn(tenant, place.cost);
      return place.waiter;
    },
    aheadOf: ({ tenant: name, rank }) => {
      const known = tenants.get(name);
      if (known === undefined || known.waiting === 0) {
        return othersBefore(tenants, Math.max(known?.tag ?? now, now), undefined);
      }
      return withOthers(tenants, ownOfRank(known, rank), known);
    },
  };
}

function count<T>(tenant: Tenant<T>, cost: number, change: 1 | -1): void {
  tenant.waiting += change;
  const alike = (tenant.costs.get(cost) ?? 0) + change;
  if (alike > 0) tenant.costs.set(cost, alike);
  else tenant.costs.delete(cost);
}

/** With its own that are before it, when it is that tenant's turn, and who has one until then. */
function withOthers<T>(
  tenants: ReadonlyMap<string, Tenant<T>>,
  own: Ahead,
  tenant: Tenant<T>,
): Ahead {
  return plus(own, othersBefore(tenants, tenant.tag + own.cost / tenant.weight, tenant));
}

/** Turns of other tenants before the one of that tag; of the same tag who waits longer is first. */
function othersBefore<T>(
  tenants: ReadonlyMap<string, Tenant<T>>,
  tag: number,
  mine: Tenant<T> | undefined,
): Ahead {
  let before = NOBODY;
  for (const each of tenants.values()) {
    if (each === mine || each.waiting === 0) continue;
    const isFirstOfSame = mine === undefined || each.since < mine.since;
    before = plus(before, turnsBefore(each, tag, isFirstOfSame));
  }
  return before;
}

function turnsBefore<T>(tenant: Tenant<T>, until: number, isFirstOfSame: boolean): Ahead {
  const [alike] = tenant.costs.keys();
  if (tenant.costs.size === 1 && alike !== undefined) {
    // Counted, not walked through: a thousand may wait, and each that comes asks.
    const apart = (until - tenant.tag) * (tenant.weight / alike);
    const turns = Math.ceil(apart - SAME);
    const isTied = isFirstOfSame && Math.abs(turns - apart) < SAME;
    const taken = Math.min(Math.max(0, turns + (isTied ? 1 : 0)), tenant.waiting);
    return { count: taken, cost: taken * alike };
  }
  return ownUntil(tenant, (_, { cost }) => {
    const lead = until - tenant.tag - cost / tenant.weight;
    return isFirstOfSame ? lead <= -SAME : lead < SAME;
  });
}

/** Its waiters in their order, up to the one of which this is said. */
function ownUntil<T>(
  tenant: Tenant<T>,
  isOver: (place: InLine<T>, before: Ahead, rank: number) => boolean,
): Ahead {
  let [taken, cost] = [0, 0];
  for (const [rank, places] of byRank(tenant)) {
    for (const place of places) {
      if (isOver(place, { count: taken, cost }, rank)) return { count: taken, cost };
      taken += 1;
      cost += place.cost;
    }
  }
  return { count: taken, cost };
}

function ownBefore<T>(tenant: Tenant<T>, mine: InLine<T>): Ahead {
  return ownUntil(tenant, (place) => place === mine);
}

/** Of this rank or a higher one: who joins with it stands behind them. */
function ownOfRank<T>(tenant: Tenant<T>, rank: number): Ahead {
  const [alike] = tenant.costs.keys();
  if (tenant.costs.size !== 1 || alike === undefined) {
    return ownUntil(tenant, (_place, _before, each) => each < rank);
  }
  let waiting = 0;
  for (const [each, places] of tenant.ranks) if (each >= rank) waiting += places.size;
  return { count: waiting, cost: waiting * alike };
}

function plus(one: Ahead, other: Ahead): Ahead {
  return { count: one.count + other.count, cost: one.cost + other.cost };
}

function firstOf<T>(tenants: ReadonlyMap<string, Tenant<T>>) {
  const tenant = nextOf(tenants);
  const [rank, places] = tenant === undefined ? [] : (byRank(tenant)[0] ?? []);
  const place = places?.values().next().value;
  if (tenant === undefined || rank === undefined || place === undefined) return undefined;
  return { tenant, rank, place };
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

/** The highest first; in one rank who came first is first. */
function byRank<T>({ ranks }: Tenant<T>) {
  return [...ranks].sort(([one], [other]) => other - one);
}
