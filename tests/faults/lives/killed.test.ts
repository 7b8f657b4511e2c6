import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, test } from 'vitest';
import { launcherCgroups } from '../../launcher-cgroups.js';
import { eventually } from '../../server-under-test.js';
import { restingCounts } from '../counts.js';
import { endLauncher, type Launcher, nothingRuns, startLauncher, works } from '../launcher.js';

/** What a launcher that was killed left, and that the kernel has not taken down yet. */

/** More than there are in stock: for the others groups are made as they come. */
const AT_ONCE = 24;

const holders: ChildProcess[] = [];
const launchers: Launcher[] = [];
afterAll(() => {
  for (const holder of holders) holder.kill('SIGKILL');
  for (const { process: launcher } of launchers) launcher.kill('SIGTERM');
});

/** A process of ours in each group of one hierarchy, as if it had not died yet. */
function hold(launcher: Launcher): readonly string[] {
  const groups = launcherCgroups(launcher.socket).filter((path) => /\/s\d+$/.test(path));
  const [first] = groups;
  assert.ok(first !== undefined, 'a launcher that was killed left no group');
  const held = groups.filter((path) => dirname(path) === dirname(first));
  for (const group of held) {
    const holder = spawn('sleep', ['600'], { stdio: 'ignore' });
    holders.push(holder);
    writeFileSync(join(group, 'cgroup.procs'), String(holder.pid));
  }
  return held;
}

test('groups that are not empty yet fail no request of the next life, and go later', async () => {
  const launcher = await startLauncher();
  launchers.push(launcher);
  assert.equal(await works(launcher), '42');
  await restingCounts(launcher);
  launcher.process.kill('SIGKILL');
  await nothingRuns(launcher);
  await launcher.backend[Symbol.asyncDispose]();
  const left = hold(launcher);
  const next = await startLauncher({ folder: launcher.folder });
  launchers.push(next);
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => works(next)));
  assert.deepEqual([...new Set(answers)], ['42']);
  for (const holder of holders) holder.kill('SIGKILL');
  await eventually('what was left goes', 20_000, () => !left.some(existsSync) || undefined);
  assert.deepEqual(await endLauncher(next), []);
});
