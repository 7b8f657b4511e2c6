import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import { isWaitingGroup } from '../../scripts/test/waiting.mjs';
import { launcherCgroups } from '../launcher-cgroups.js';
import type { Verdict } from './cases.js';
import { bash, holdsIn, start } from './sandbox.js';

const LAUNCHER = '/vm/sandboxd';
const CGROUPS = '/sys/fs/cgroup';
const UID_BASE = 0x5000_0000;
const READY_MS_MAX = 20_000;
const GONE_MS_MAX = 5000;

/** A launcher that is killed takes its sandboxes with it, and the next one tidies up after it. */
export async function killLauncher(): Promise<Verdict> {
  const socket = '/run/killed.sock';
  const first = await startLauncher(socket);
  const backend = createNativeBackend({ socketPath: socket });
  const run = start(backend, { ...bash('echo started; exec sleep 600'), env: { MARK: socket } });
  await run.spoke;
  const before = processesWith(socket);
  first.kill('SIGKILL');
  const { outcome } = await run.ended;
  const isGone = await holdsIn(GONE_MS_MAX, () => processesWith(socket) === 0);
  const left = usedGroups(socket);
  const second = await startLauncher(socket);
  const again = await start(backend, bash('echo again')).ended;
  const isSwept = await holdsIn(GONE_MS_MAX, () => usedGroups(socket).length === 0);
  await backend[Symbol.asyncDispose]();
  await endLauncher(second);
  const said = Buffer.from(again.stdout).toString();
  return verdictOf(`${outcome.kind}, then ${said.trim()}`, {
    'the program did not run before': before === 0,
    [`the outcome is ${outcome.kind}`]: outcome.kind !== 'launcher-lost',
    'the program outlived its launcher': !isGone,
    'no cgroup was left, so nothing was tested': left.length === 0,
    [`the next launcher ran nothing: ${JSON.stringify(again.outcome)}`]: said !== 'again\n',
    [`cgroups are left: ${usedGroups(socket).join()}`]: !isSwept,
    [`the launcher's cgroups are left: ${launcherCgroups(socket).join()}`]:
      launcherCgroups(socket).length > 0,
  });
}

/** A launcher in a group that is delegated to it, as a service manager starts it. */
export async function delegate(): Promise<Verdict> {
  const socket = '/run/delegated.sock';
  const group = join(CGROUPS, 'delegated.service');
  writeFileSync(join(CGROUPS, 'cgroup.subtree_control'), '+memory +pids +cpu');
  mkdirSync(group);
  const launcher = await startLauncher(socket, group);
  const backend = createNativeBackend({ socketPath: socket });
  const run = start(backend, bash('echo started; exec sleep 600'));
  await run.spoke;
  const groups = usedGroups(socket);
  run.cancel();
  const { outcome } = await run.ended;
  const hog = await start(backend, bash('head -c 60M /dev/zero > /tmp/hoard', { memory_kb: 16384 }))
    .ended;
  await backend[Symbol.asyncDispose]();
  await endLauncher(launcher);
  for (const name of foldersIn(group)) rmdirSync(join(group, name));
  rmdirSync(group);
  const limit = 'limit' in hog.outcome ? hog.outcome.limit : hog.outcome.kind;
  return verdictOf(`${outcome.kind}, then ${limit}`, {
    [`sandboxes are elsewhere: ${groups.join()}`]:
      groups.length === 0 || !groups.every((path) => path.startsWith(`${group}/`)),
    [`the memory limit did not hold: ${JSON.stringify(hog.outcome)}`]: limit !== 'memory_kb',
  });
}

export async function startLauncher(
  socket: string,
  group?: string,
  as: readonly string[] = [],
  more: readonly string[] = [],
): Promise<ChildProcess> {
  const flags = ['--socket', socket, '--uid-base', String(UID_BASE)];
  const join = group === undefined ? '' : `echo $$ > ${group}/cgroup.procs && `;
  const script = `${join}exec ${[...as, LAUNCHER, ...flags, ...more].join(' ')}`;
  const launcher = spawn('/bin/bash', ['-c', script], { stdio: ['ignore', 'inherit', 'inherit'] });
  const backend = createNativeBackend({ socketPath: socket });
  const answers = () =>
    backend
      .diagnose()
      .then(() => true)
      .catch(() => false);
  const isReady = await holdsIn(READY_MS_MAX, answers);
  await backend[Symbol.asyncDispose]();
  if (!isReady) throw new Error(`the launcher at ${socket} does not answer`);
  return launcher;
}

export async function endLauncher(launcher: ChildProcess): Promise<void> {
  launcher.kill('SIGTERM');
  if (launcher.exitCode === null && launcher.signalCode === null) await once(launcher, 'exit');
}

/** Groups that hold, or held, a sandbox: those in stock have counted nothing yet. */
export function usedGroups(socket: string): readonly string[] {
  return launcherCgroups(socket)
    .filter((path) => /\/s\d+$/.test(path))
    .filter((path) => /^usage_usec [1-9]/m.test(statOf(path)))
    .filter((path) => !isWaitingGroup(path));
}

function processesWith(mark: string): number {
  return foldersIn('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, 'utf8').includes(`MARK=${mark}`);
    } catch {
      return false; // It ended meanwhile.
    }
  }).length;
}

export function foldersIn(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

export function verdictOf(outcome: string, problems: Readonly<Record<string, boolean>>): Verdict {
  const found = Object.entries(problems).filter(([, isThere]) => isThere);
  return { outcome, problems: found.map(([problem]) => problem) };
}

function statOf(group: string): string {
  try {
    return readFileSync(join(group, 'cpu.stat'), 'utf8');
  } catch {
    return ''; // It went since the folder was read.
  }
}
