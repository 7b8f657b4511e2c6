import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupRoots, type World } from '../hostile/worlds.js';
import { bash, start } from '../vm/sandbox.js';

/** What the kernel is told of swap while a sandbox runs, as `file value`; every value has to be 0. */
export async function swapTold(world: World): Promise<readonly string[]> {
  const run = start(world.backend, bash('echo started; exec sleep 600'));
  await run.spoke;
  const told = settingsBelow(world.cgroup);
  run.cancel();
  await run.ended;
  return told;
}

/** The settings of every sandbox's group, in whatever hierarchy counts memory. */
function settingsBelow(cgroup: string): string[] {
  return cgroupRoots()
    .map((root) => join(root, cgroup))
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name)),
    )
    .filter((path) => /\/s\d+\/memory\.(swap\.max|swappiness)$/.test(path))
    .map((path) => `${path.split('/').at(-1)} ${readFileSync(path, 'utf8').trim()}`);
}
