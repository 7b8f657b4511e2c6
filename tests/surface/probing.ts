import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '@gozolite/contract/limits';
import type { WorkspaceFile } from '@gozolite/sandbox/backend';
import type { World } from '../hostile/worlds.js';
import type { Probe } from './expected.js';

/** Wide: thousands of children, one after the other, on a busy machine. */
const LIMITS: Limits = {
  wall_time_ms: 60_000,
  cpu_time_ms: 60_000,
  memory_kb: 512 * 1024,
  stack_kb: 8 * 1024,
  cpus: 1,
  output_kb: 1024,
  disk_kb: 64 * 1024,
  file_kb: 64 * 1024,
  processes: 64,
  open_files: 64,
};

/** Compiles probe.c in a sandbox of this world. */
export async function compileProbe(world: World): Promise<Uint8Array> {
  const source = readFileSync(join(import.meta.dirname, 'probe.c'));
  const files = [{ path: 'probe.c', content: source, executable: false }];
  const words = ['/usr/bin/gcc', '-O1', '-o', 'probe', 'probe.c'] as const;
  const { artifacts, stderr } = await run(world, words, { files, artifacts: ['probe'] });
  const [probe] = artifacts;
  if (probe === undefined) throw new Error(`gcc: ${Buffer.from(stderr).toString()}`);
  return probe.content;
}

/** Makes every call in one sandbox of this world: what came back, in the order of the probes. */
export async function answersTo(
  probes: readonly Pick<Probe, 'line'>[],
  { world, program }: { readonly world: World; readonly program: Uint8Array },
): Promise<readonly string[]> {
  const lines = probes.map(({ line }) => `${line}\n`).join('');
  const files = [
    { path: 'probe', content: program, executable: true },
    { path: 'probes', content: Buffer.from(lines), executable: false },
  ];
  const { outcome, stdout, stderr } = await run(world, ['/work/probe', 'probes'], { files });
  const answers = Buffer.from(stdout).toString().trimEnd().split('\n');
  if (outcome.kind !== 'exited' || outcome.exitCode !== 0 || answers.length !== probes.length) {
    const last = probes[answers.length]?.line ?? 'none';
    const account = `${JSON.stringify(outcome)} ${Buffer.from(stderr).toString()}`;
    throw new Error(`${answers.length} of ${probes.length} answers, then ${last}: ${account}`);
  }
  return answers;
}

function run(
  world: World,
  [program, ...args]: readonly [string, ...string[]],
  more: { readonly files: readonly WorkspaceFile[]; readonly artifacts?: readonly string[] },
) {
  const recipe = {
    rootfs: 'host',
    command: [program] as const,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
  };
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  const command = {
    id: `surface/${randomUUID()}`,
    recipe: { ...recipe, command: [program] as [string], digest },
    args,
    env: {},
    limits: LIMITS,
    stdin: new Uint8Array(0),
    keepOutput: false,
    artifacts: more.artifacts ?? [],
    files: more.files,
  };
  return world.backend.run(command, { signal: new AbortController().signal });
}
