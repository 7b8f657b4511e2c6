/** How many there are of each name; of names that have none nothing is kept. */
export interface Counts {
  of(name: string): number;
  add(name: string, change: 1 | -1): void;
}

export function createCounts(): Counts {
  const counts = new Map<string, number>();
  return {
    of: (name) => counts.get(name) ?? 0,
    add: (name, change) => {
      const next = (counts.get(name) ?? 0) + change;
      if (next > 0) counts.set(name, next);
      else counts.delete(name);
    },
  };
}
