import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupRoots } from '@gozolite/attacks/left-on-host';
import type { World } from '../hostile/worlds.js';
import { bash, start } from '../vm/sandbox.js';

const SETTINGS = ['memory.swap.max', 'memory.swappiness'];

/** What the kernel is told of a sandbox's swap while it runs, as `file value`. */
export async function swapTold(world: World): Promise<readonly string[]> {
  const mark = 'limit-no-swap';
  const sleeper = bash('echo started; exec sleep 600');
  const run = start(world.backend, { ...sleeper, env: { MARK: mark } });
  await run.spoke;
  const told = groupsOf(mark).flatMap((group) =>
    SETTINGS.map((name) => ({ name, path: join(group, name) }))
      .filter(({ path }) => existsSync(path))
      .map(({ name, path }) => `${name} ${readFileSync(path, 'utf8').trim()}`),
  );
  run.cancel();
  await run.ended;
  return told;
}

/** The groups that count the memory of the process with this mark, wherever they are mounted. */
function groupsOf(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && textOf(`/proc/${name}/environ`).includes(mark))
    .flatMap((name) => textOf(`/proc/${name}/cgroup`).split('\n'))
    .map((line) => line.split(':'))
    .filter(([, controllers]) => controllers === 'memory' || controllers === '')
    .flatMap(([, , path = '']) => cgroupRoots().map((root) => join(root, path)));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
}
