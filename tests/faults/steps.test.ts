import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SETUP_STEPS, type SetupStep } from '@gozolite/contract/outcome';
import { beforeAll, describe, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import {
  buildLab,
  endLauncher,
  isFirst,
  type Launcher,
  nameOf,
  newFolder,
  nothingRuns,
  parentOf,
  processesOf,
  script,
  startLauncher,
  touch,
  works,
} from './launcher.js';
import { DIGEST, END_OF_INPUT, HELLO, LEARN, start, talk } from './wire.js';

const STOPPED_MS_MAX = 15_000;
/** Done before there is a process to kill; the test says so where that changes. */
const BEFORE_FIRST: readonly SetupStep[] = ['workspace', 'cgroup', 'loopback', 'clone'];
/** Only a program with a network has these, and others wait beside it: one of theirs is killed. */
const OF_NETWORK: readonly SetupStep[] = ['egress', 'hosts'];
const TARGET = 'nobody.invalid:9';
const CAPS = { bytesMax: 1000, connectionsMax: 1, timeMsMax: 1000 };
/** Who speaks for the server, and is killed: it says everything and waits. */
const CLIENT = `
import socket, sys
def say(path, hexes):
    s = socket.socket(socket.AF_UNIX); s.connect(path); s.sendall(bytes.fromhex(hexes)); return s
held = [say(sys.argv[1], each) for each in sys.argv[2:]]
print('said', flush=True)
held[-1].recv(1 << 20); sys.stdin.read()
`;

let program: string;

beforeAll(() => {
  program = buildLab('fault-lab');
}, 600_000);

/** A launcher that stops at this step of its first sandbox. */
async function startStopping(step: SetupStep): Promise<{ launcher: Launcher; resume: string }> {
  const folder = newFolder();
  const resume = join(folder, 'resume');
  const flags = ['--stop-at', `${step}:${resume}`, '--network-allow', TARGET];
  return { launcher: await startLauncher({ program, flags, folder, isReady: listens }), resume };
}

/** It may have stopped before it answers anybody. */
const listens = ({ socket }: Launcher): Promise<boolean> =>
  talk(socket).then(
    (each) => each.socket.destroy().destroyed,
    () => false,
  );

function run({ backend }: Launcher, step: SetupStep) {
  const options = { signal: new AbortController().signal, onOutput: () => {} };
  const network = OF_NETWORK.includes(step) ? { network: { allow: [TARGET], ...CAPS } } : {};
  return backend.run({ ...script('echo 42'), ...network }, options);
}

function stopped(launcher: Launcher, step: SetupStep): Promise<number> {
  const name = `gozo-stop-${SETUP_STEPS.indexOf(step)}`;
  return eventually(`a process stopped at ${step}`, STOPPED_MS_MAX, () =>
    processesOf(launcher).find((pid) => nameOf(pid) === name),
  );
}

/** PID 1 of the sandbox in which this process stopped, if there is one yet. */
function firstOf(launcher: Launcher, pid: number): number | undefined {
  if (isFirst(pid)) return pid;
  if (isFirst(parentOf(pid))) return parentOf(pid);
  return processesOf(launcher).find((each) => isFirst(each) && parentOf(each) === pid);
}

async function startClient(launcher: Launcher, step: SetupStep): Promise<ChildProcess> {
  const caps = { bytes_max: 1000, connections_max: 1, time_ms_max: 1000 };
  const network = OF_NETWORK.includes(step) ? { network: { allow: [TARGET], caps } } : {};
  const talks = [
    Buffer.concat([HELLO, LEARN]),
    Buffer.concat([HELLO, start(network), END_OF_INPUT]),
  ];
  const hexes = talks.map((each) => each.toString('hex'));
  const client = spawn('/usr/bin/python3', ['-I', '-c', CLIENT, launcher.socket, ...hexes]);
  await once(client.stdout, 'data');
  return client;
}

async function worksAndEnds(launcher: Launcher): Promise<void> {
  assert.equal(await works(launcher), '42');
  assert.deepEqual(await endLauncher(launcher), []);
}

describe.each(SETUP_STEPS)('at %s', (step) => {
  test('a killed launcher: its caller hears of it, nothing is left, the next works', async () => {
    const { launcher, resume } = await startStopping(step);
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
    const { launcher, resume } = await startStopping(step);
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

  test('a killed server: its sandbox goes with it, and the launcher works on', async () => {
    const { launcher, resume } = await startStopping(step);
    const client = await startClient(launcher, step);
    const pid = await stopped(launcher, step);
    client.kill('SIGKILL');
    await once(client, 'exit');
    touch(resume);
    await eventually(`process ${pid} goes on or is gone`, STOPPED_MS_MAX, () => {
      return !nameOf(pid).startsWith('gozo-stop-') || undefined;
    });
    await worksAndEnds(launcher);
  });
});

test('the recipe of these tests is the one that the raw client names', () => {
  assert.equal(script('').recipe.digest, DIGEST);
});
