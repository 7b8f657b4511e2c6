import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';

/** The value below which a share of all values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function machine(): string {
  return `Linux ${release()} ${arch()}, ${cpus().length} CPUs`;
}

/** Leaves a benchmark's table where `npm run test:all` collects it for docs/verification.md. */
export function saveFigures(name: string, text: string): void {
  const folder = join('build', 'figures');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.md`), `${text}\n`);
  process.stdout.write(`${text}\n`);
}

/** Prints each claim and, on the last line, the counts; gives the exit code. */
export function judge(
  claims: readonly { readonly claim: string; readonly holds: boolean }[],
): number {
  for (const { claim, holds } of claims) {
    process.stdout.write(`${holds ? 'holds' : 'FAILS'}: ${claim}\n`);
  }
  const failed = claims.filter(({ holds }) => !holds).length;
  process.stdout.write(`${claims.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
