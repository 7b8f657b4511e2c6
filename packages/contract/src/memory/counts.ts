/** How many there are of each name; of names that have none nothing is kept. */
export interface Counts {
  of(name: string): number;
  all(): number;
  add(name: string, change: 1 | -1): void;
}

export function createCounts(): Counts {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    of: (name) => counts.get(name) ?? 0,
    all: () => total,
    add: (name, change) => {
      total += change;
      const next = (counts.get(name) ?? 0) + change;
      if (next > 0) counts.set(name, next);
      else counts.delete(name);
    },
  };
}
