import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { World } from '../hostile/worlds.js';
import { mismatch, readExpected } from '../surface/expected.js';
import { answersTo } from '../surface/probing.js';
import type { Row } from './row.js';

const FOLDER = '/vm/surface';

/** The id of one file of tests/surface/expected. */
export function surfaceId(name: string): string {
  return `surface-${basename(name, '.yaml').split('.').at(-1)}`;
}

/** Every call of one file, on this kernel: the same reviewed answers as on the host. */
export async function trySurface(world: World, name: string): Promise<Row> {
  const startedMs = performance.now();
  const probes = readExpected(`${FOLDER}/expected/${name}`);
  const program = readFileSync(`${FOLDER}/probe`);
  const answers = await answersTo(probes, { world, program });
  const problems = probes.flatMap((probe, at) => mismatch(probe, answers[at]));
  return {
    id: surfaceId(name),
    expected: `${probes.length} calls answer as reviewed`,
    outcome: `${probes.length - problems.length} do`,
    problems,
    took_ms: Math.round(performance.now() - startedMs),
  };
}
