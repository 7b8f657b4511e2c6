/** The memory of a first program's stages, KiB: about what the runtime and the compiler take. */
export interface Took {
  readonly run: number;
  readonly compile?: number;
}

/** @returns undefined for what is no such thing: a file may be an older version's. */
export function tookIn(value: unknown): Took | undefined {
  const { run, compile }: { run?: unknown; compile?: unknown } = Object(value);
  if (!isKb(run)) return undefined;
  return isKb(compile) ? { run, compile } : { run };
}

function isKb(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
