/** Who waits, and who is next: first come, first served. Fairness between tenants belongs here. */
export interface Line<T> {
  /** @returns leaves the line; harmless where it was left already */
  join(tenant: string, waiter: T): () => void;
  /** Takes the next one out; undefined where nobody waits. */
  takeNext(): T | undefined;
  length(): number;
  lengthOf(tenant: string): number;
}

export function createLine<T>(): Line<T> {
  const places = new Set<{ readonly tenant: string; readonly waiter: T }>();
  const lengths = new Map<string, number>();

  const add = (tenant: string, change: 1 | -1) => {
    const length = (lengths.get(tenant) ?? 0) + change;
    if (length > 0) lengths.set(tenant, length);
    else lengths.delete(tenant); // Else the map would keep every tenant there ever was.
  };
  return {
    length: () => places.size,
    lengthOf: (tenant) => lengths.get(tenant) ?? 0,
    join: (tenant, waiter) => {
      const place = { tenant, waiter };
      places.add(place);
      add(tenant, 1);
      return () => {
        if (places.delete(place)) add(tenant, -1);
      };
    },
    takeNext: () => {
      const place = places.values().next().value;
      if (place === undefined) return undefined;
      places.delete(place);
      add(place.tenant, -1);
      return place.waiter;
    },
  };
}
