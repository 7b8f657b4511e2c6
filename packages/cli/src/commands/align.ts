/**
 * Lines of a table whose columns stand below each other.
 * @param rows the first has all columns
 * @param least columns that are wider than what stands in them
 */
export function align(
  rows: readonly (readonly string[])[],
  least: readonly number[] = [],
): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(least[at] ?? 0, ...rows.map((cells) => (cells[at] ?? '').length)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
