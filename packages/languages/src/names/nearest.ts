/** At most this many names are offered. */
const NAMES_MAX = 3;
/** Longer references are no typing errors, and the distance takes length x length steps. */
const LENGTH_MAX = 64;

/**
 * The known names nearest to one that is not known, best first: a few typing errors away
 * (about one in three characters), or beginning alike.
 */
export function nearestNames(name: string, known: readonly string[]): readonly string[] {
  const wanted = name.toLowerCase();
  if (wanted.length > LENGTH_MAX) return [];
  const rankMax = Math.max(1, Math.floor(wanted.length / 3));
  return known
    .map((name) => ({ name, ...measure(wanted, name.toLowerCase()) }))
    .filter(({ rank }) => rank <= rankMax)
    .sort((a, b) => a.rank - b.rank || a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, NAMES_MAX)
    .map(({ name }) => name);
}

/** Names that begin alike rank with those one error away, however much is missing. */
function measure(wanted: string, name: string): { rank: number; distance: number } {
  const shorter = Math.min(wanted.length, name.length);
  const isBeginning = shorter >= 2 && (name.startsWith(wanted) || wanted.startsWith(name));
  const distance = editDistance(wanted, name);
  return { rank: isBeginning ? Math.min(1, distance) : distance, distance };
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = row > 1 && column > 1 && isSwap ? at(beforeLast, column - 2) + 1 : Infinity;
      const shifted = Math.min(at(last, column), at(current, column - 1)) + 1;
      current.push(Math.min(replaced, swapped, shifted));
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
