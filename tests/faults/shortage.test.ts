import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { launcherCgroups } from '../launcher-cgroups.js';
import { eventually } from '../server-under-test.js';
import { assertCalm } from './calm.js';
import {
  endLauncher,
  type Launcher,
  nameOf,
  parentOf,
  processesOf,
  script,
  startLauncher,
  works,
} from './launcher.js';
import { END_OF_INPUT, HELLO, LEARN, start, type Talk, talk } from './wire.js';

/** Sandboxes that are asked for at once: more than any of these launchers can make. */
const ASKED = 60;
const DEFINED = ['closed', 'exited', 'setup-failed', 'limit-exceeded', 'BUSY', 'running'];

const standings = (talks: readonly Talk[]) => talks.map((each) => each.standing());

async function askForMany(launcher: Launcher, code: string): Promise<readonly Talk[]> {
  const frames = [HELLO, start({}, { args: [code] }), END_OF_INPUT];
  const asked = Array.from({ length: ASKED }, () => talk(launcher.socket, ...frames));
  return Promise.all(asked);
}

async function recovers(launcher: Launcher, talks: readonly Talk[]): Promise<void> {
  for (const { socket } of talks) socket.destroy();
  await eventually('an answer', 20_000, async () => {
    return (await works(launcher).catch(String)) === '42' || undefined;
  });
  const sleeping = () => processesOf(launcher).filter((pid) => nameOf(pid) === 'sleep');
  await eventually('no program', 20_000, () => sleeping().length === 0 || undefined);
}

async function learn(launcher: Launcher): Promise<void> {
  const { socket } = await talk(launcher.socket, HELLO, LEARN);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
}

test('out of descriptors: who is in goes on, the rest are told, nothing spins', async () => {
  // Without CAP_SYS_RESOURCE it can't raise the limit that it is given.
  const before = 'ulimit -n 260; exec setpriv --bounding-set=-sys_resource';
  const launcher = await startLauncher({ before });
  await learn(launcher);
  const talks = await askForMany(launcher, 'sleep 30');
  await eventually('some are refused, some run', 20_000, () => {
    const states = standings(talks);
    const refused = states.filter((state) => state !== 'running').length;
    return (refused > 0 && refused < ASKED) || undefined;
  });
  const idle = await Promise.all(
    Array.from({ length: 300 }, () => talk(launcher.socket).catch(() => undefined)),
  );
  await assertCalm(launcher.pid);
  const states = standings(talks);
  assert.deepEqual(
    states.filter((state) => !DEFINED.includes(state)),
    [],
  );
  await recovers(launcher, [...talks, ...idle.filter((each) => each !== undefined)]);
  assert.deepEqual(await endLauncher(launcher), []);
});

test('doctor says how many sandboxes the descriptors are enough for', async () => {
  const before = 'ulimit -n 260; exec setpriv --bounding-set=-sys_resource';
  const launcher = await startLauncher({ before });
  const { findings } = await launcher.backend.diagnose();
  const found = findings.find(({ id }) => id === 'descriptors');
  assert.match(found?.detail ?? '', /enough for 7 sandboxes at once, slots for 64/);
  assert.deepEqual(await endLauncher(launcher), []);
});

test('out of process ids: a defined outcome for all, and as before when they end', async () => {
  const name = `gozo-faults-pids-${process.pid}`;
  const folders = pidsFolders().map((root) => join(root, name));
  for (const folder of folders) mkdirSync(folder);
  try {
    for (const folder of folders) writeFileSync(join(folder, 'pids.max'), '40');
    const joins = folders.map((folder) => `echo $$ > ${folder}/cgroup.procs;`).join(' ');
    const launcher = await startLauncher({
      before: `${joins} exec`,
      flags: ['--cgroup-parent', `/${name}`],
    });
    await learn(launcher);
    const talks = await askForMany(launcher, 'trap "" CHLD; sleep 1 & sleep 1 & wait');
    const states = await eventually('all have ended', 40_000, () => {
      const now = standings(talks);
      return now.includes('running') ? undefined : now;
    });
    assert.deepEqual(
      states.filter((state) => !DEFINED.includes(state)),
      [],
    );
    assert.ok(
      states.some((state) => state !== 'exited'),
      'the limit was met',
    );
    await recovers(launcher, talks);
    assert.deepEqual(await endLauncher(launcher), []);
  } finally {
    for (const folder of folders) rmdirSync(folder);
  }
});

/** The hierarchy that counts processes: v1's, or the v2 tree where it has the controller. */
function pidsFolders(): readonly string[] {
  const candidates = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'];
  return candidates.filter((path) => existsSync(join(path, 'cgroup.procs'))).slice(0, 1);
}

test('a cgroup that refuses to go: its uid is withheld, and all else goes on', async () => {
  const launcher = await startLauncher();
  const abort = new AbortController();
  const options = { signal: abort.signal, onOutput: () => {} };
  const ending = launcher.backend.run(script('exec sleep 30'), options);
  const pid = await eventually('the program', 20_000, () =>
    processesOf(launcher).find((each) => nameOf(each) === 'sleep'),
  );
  const group = groupOf(launcher, parentOf(pid));
  const held = join(group, 'held');
  mkdirSync(held);
  abort.abort();
  assert.equal((await ending).outcome.kind, 'cancelled');
  assert.equal(await works(launcher), '42');
  await eventually('the uid is withheld', 20_000, async () => {
    return (await launcher.backend.diagnose()).quarantined === 1 || undefined;
  });
  assert.ok(existsSync(group), 'it was held');
  assert.ok(!processesOf(launcher).some((each) => nameOf(each) === 'sleep'));
  rmdirSync(held);
  await eventually('it goes when it can', 20_000, () => !existsSync(group) || undefined);
  assert.equal(await works(launcher), '42');
  assert.deepEqual(await endLauncher(launcher), []);
});

/** A folder of the sandbox that this process belongs to, in any hierarchy. */
function groupOf(launcher: Launcher, pid: number): string {
  const found = launcherCgroups(launcher.socket).find((path) =>
    readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').includes(`${pid}`),
  );
  if (found === undefined) throw new Error(`no cgroup of ${pid}`);
  return found;
}

test('a large workspace is let go of by somebody who has nothing else to do', async () => {
  const launcher = await startLauncher();
  const helper = processesOf(launcher).find(
    (pid) => parentOf(pid) === launcher.pid && /^CapEff:\s+0+$/m.test(statusOf(pid)),
  );
  assert.ok(helper !== undefined, 'no process without capabilities beside the launcher');
  assert.deepEqual(
    readdirSync(`/proc/${helper}/fd`).length,
    1,
    'it holds its end of the way, and nothing of the launcher',
  );
  const limits = { memory_kb: 600 * 1024, disk_kb: 500 * 1024, file_kb: 500 * 1024 };
  const options = { signal: new AbortController().signal, onOutput: () => {} };
  const run = (code: string) => launcher.backend.run(script(code, limits), options);
  const asleep = wakingsOf(helper);
  assert.equal((await run('echo small > /work/small')).outcome.kind, 'exited');
  assert.equal(wakingsOf(helper), asleep, 'a small one is not worth waking it');
  const large = await run('head -c 450M /dev/zero > /work/large');
  assert.deepEqual(large.outcome, { kind: 'exited', exitCode: 0 });
  await eventually('it was given the workspace, and holds nothing any more', 20_000, () => {
    const holds = readdirSync(`/proc/${helper}/fd`).length > 1;
    return (wakingsOf(helper) > asleep && !holds) || undefined;
  });
  process.kill(helper, 'SIGKILL');
  const { outcome } = await launcher.backend.run(script('head -c 9M /dev/zero > x'), options);
  assert.deepEqual(outcome, { kind: 'exited', exitCode: 0 }, 'without it the launcher does it');
  assert.deepEqual(await endLauncher(launcher), []);
});

/** How often it has slept, and so been woken: by what it is sent, and by nothing else. */
const wakingsOf = (pid: number): number =>
  Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(statusOf(pid))?.[1]);

const statusOf = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');
