import assert from 'node:assert/strict';
import { SETUP_STEPS, type SetupStep } from '@gozolite/contract/outcome';
import { beforeAll, describe, test } from 'vitest';
import {
  buildLab,
  endLauncher,
  isFirst,
  type Launcher,
  nothingRuns,
  parentOf,
  processesOf,
  script,
  startLauncher,
  touch,
  works,
} from './launcher.js';
import { ofStep, startStopping, stopped } from './stopping.js';
import { DIGEST } from './wire.js';

/** Done before there is a process to kill; the test says so where that changes. */
const BEFORE_FIRST: readonly SetupStep[] = ['workspace', 'cgroup', 'loopback', 'clone'];
const CAPS = { bytesMax: 1000, connectionsMax: 1, timeMsMax: 1000 };

let program: string;

beforeAll(() => {
  program = buildLab('fault-lab');
}, 600_000);

function run({ backend }: Launcher, step: SetupStep) {
  const options = { signal: new AbortController().signal, onOutput: () => {} };
  return backend.run({ ...script('echo 42'), ...ofStep(step, CAPS) }, options);
}

/** PID 1 of the sandbox in which this process stopped, if there is one yet. */
function firstOf(launcher: Launcher, pid: number): number | undefined {
  if (isFirst(pid)) return pid;
  if (isFirst(parentOf(pid))) return parentOf(pid);
  return processesOf(launcher).find((each) => isFirst(each) && parentOf(each) === pid);
}

async function worksAndEnds(launcher: Launcher): Promise<void> {
  assert.equal(await works(launcher), '42');
  assert.deepEqual(await endLauncher(launcher), []);
}

describe.each(SETUP_STEPS)('at %s', (step) => {
  test('a killed launcher: its caller hears of it, nothing is left, the next works', async () => {
    const { launcher, resume } = await startStopping(program, step);
    const ending = run(launcher, step);
    await stopped(launcher, step);
    launcher.process.kill('SIGKILL');
    // Without a death signal yet, a child goes on until it sees that its launcher is gone.
    touch(resume);
    assert.equal((await ending).outcome.kind, 'launcher-lost');
    await nothingRuns(launcher);
    await launcher.backend[Symbol.asyncDispose]();
    const next = await startLauncher({ program, folder: launcher.folder });
    await worksAndEnds(next);
  });

  test('a killed PID 1: a defined outcome, and the launcher works on', async () => {
    const { launcher, resume } = await startStopping(program, step);
    const ending = run(launcher, step);
    const pid = await stopped(launcher, step);
    const first = firstOf(launcher, pid);
    assert.equal(first === undefined, BEFORE_FIRST.includes(step), `PID 1 is ${first}`);
    if (first !== undefined) process.kill(first, 'SIGKILL');
    touch(resume);
    const { outcome } = await ending;
    assert.ok(['exited', 'setup-failed'].includes(outcome.kind), JSON.stringify(outcome));
    await worksAndEnds(launcher);
  });
});

test('the recipe of these tests is the one that the raw client names', () => {
  assert.equal(script('').recipe.digest, DIGEST);
});
