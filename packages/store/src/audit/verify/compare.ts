/** An entry as it stands in what is verified. */
export interface Placed {
  readonly leaf: Buffer;
  readonly line: number;
  /** As it says itself. */
  readonly index: number;
}

/**
 * Which entries are not the ones that were signed.
 * @param signed hashes of the entries from `first` on, as they were signed
 */
export function compareLeaves(
  signed: readonly Buffer[],
  placed: readonly Placed[],
  first: number,
): readonly string[] {
  const there = new Map(placed.map((each) => [each.leaf.toString('hex'), each]));
  const wanted = new Map(signed.map((leaf, at) => [leaf.toString('hex'), first + at]));
  const strange = placed.filter(({ leaf }) => !wanted.has(leaf.toString('hex')));
  const found: string[] = [];
  for (const [at, leaf] of signed.entries()) {
    const index = first + at;
    const entry = there.get(leaf.toString('hex'));
    const standsThere = placed[at];
    if (entry === undefined) {
      const changed = strange.find((each) => each.index === index);
      if (changed !== undefined) found.push(`line ${changed.line}: entry ${index} was changed`);
      else found.push(`entry ${index} was removed`);
    } else if (standsThere !== entry && placed.length === signed.length) {
      found.push(`line ${entry.line}: entry ${index} was moved`);
    }
  }
  const indexes = new Set(signed.keys());
  for (const { line, index } of strange) {
    if (!indexes.has(index - first)) found.push(`line ${line}: an entry was added`);
  }
  return found;
}
