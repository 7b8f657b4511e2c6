/** The memory of a first program's run, KiB: about what its runtime takes by itself. */
export interface Took {
  readonly run: number;
}

/** @returns undefined for what is no such thing: a file may be an older version's. */
export function tookIn(value: unknown): Took | undefined {
  const { run }: { run?: unknown } = Object(value);
  return isKb(run) ? { run } : undefined;
}

function isKb(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
