import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Limits } from '@gozolite/contract/limits';
import type { Backend, SandboxCommand } from '@gozolite/sandbox/backend';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import { launcherCgroups } from '../launcher-cgroups.js';
import { eventually } from '../server-under-test.js';
import { DIGEST, LIMITS, RECIPE } from './wire.js';

const ROOT = join(import.meta.dirname, '..', '..');
export const SLOTS = 64;
/** Below the range of the hostile suite; one slice for each process that runs these tests. */
const UID_BASE = 0x5800_0000 + (process.pid % 256) * 65_536;
const READY_MS_MAX = 20_000;
export const GONE_MS_MAX = 10_000;

/** A launcher of its own, with nobody between it and the test. */
export interface Launcher {
  readonly socket: string;
  readonly folder: string;
  readonly process: ChildProcess;
  readonly pid: number;
  readonly uidBase: number;
  readonly backend: Backend;
}

export interface LauncherPlan {
  readonly program?: string;
  readonly flags?: readonly string[];
  /** Shell words that come before it, such as `ulimit -n 200; exec setpriv …`. */
  readonly before?: string;
  readonly folder?: string;
  readonly isReady?: (launcher: Launcher) => Promise<boolean>;
}

/** Every test of a file takes folders of its own: a socket names the launcher's cgroups. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gozo-faults-'));
  chmodSync(folder, 0o755); // A sandbox's uid may have to see a file in it.
  return folder;
}

let launchers = 0;

/** The launcher that npm start runs, or one of the labs'. */
export const WHOLE = join(ROOT, 'build', 'sandboxd');

export function buildLab(feature: string): string {
  const script = join(ROOT, 'tests', 'hostile', 'build-lab.mjs');
  const output = execFileSync(process.execPath, [script, feature], { encoding: 'utf8' });
  return output.trim().split('\n').at(-1) ?? '';
}

export async function startLauncher(plan: LauncherPlan = {}): Promise<Launcher> {
  const { program = WHOLE, flags = [], before = 'exec', folder = newFolder() } = plan;
  const socket = join(folder, 'socket');
  const uidBase = UID_BASE + (launchers++ % 1024) * SLOTS; // None meets what another left.
  const slots = ['--uid-base', String(uidBase), '--slots', String(SLOTS)];
  const words = ['--socket', socket, ...slots, ...flags];
  const script = `${before} "$0" "$@"`;
  const child = spawn('/bin/bash', ['-c', script, program, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // A test that fails leaves it running: it ends with the tests at the latest.
  process.on('exit', () => child.kill('SIGKILL'));
  const { pid } = child;
  if (pid === undefined) throw new Error('no launcher');
  const backend = createNativeBackend({ socketPath: socket });
  const launcher = { socket, folder, process: child, pid, uidBase, backend };
  await eventually('the launcher', READY_MS_MAX, async () => {
    if (child.exitCode !== null) throw new Error(`the launcher ended with ${child.exitCode}`);
    return (await (plan.isReady ?? answers)(launcher)) || undefined;
  });
  return launcher;
}

const answers = ({ backend }: Launcher): Promise<boolean> =>
  backend.diagnose().then(
    () => true,
    () => false,
  );

/** Ends it as npm start does, and gives what is left of it then, in words. */
export async function endLauncher(launcher: Launcher): Promise<readonly string[]> {
  await launcher.backend[Symbol.asyncDispose]();
  launcher.process.kill('SIGTERM');
  if (launcher.process.exitCode === null && launcher.process.signalCode === null) {
    await once(launcher.process, 'exit');
  }
  await nothingRuns(launcher);
  const left = launcherCgroups(launcher.socket);
  rmSync(launcher.folder, { recursive: true, force: true });
  return left;
}

/** Every process of a launcher: its sandboxes by their uids, its own by their command line. */
export function processesOf({ socket, uidBase }: Launcher): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const status = read(`/proc/${pid}/status`);
      const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1);
      const isOurs =
        (uid >= uidBase && uid < uidBase + SLOTS) ||
        read(`/proc/${pid}/cmdline`).includes(`${socket}\0`);
      return isOurs && /^State:\s+[^ZX]/m.test(status);
    });
}

/** Waits until a launcher that was killed is gone, with everything that it made. */
export async function nothingRuns(launcher: Launcher): Promise<void> {
  await eventually(`no process of ${launcher.socket}`, GONE_MS_MAX, () => {
    return processesOf(launcher).length === 0 || undefined;
  }).catch((error: unknown) => {
    const left = processesOf(launcher).map((pid) => read(`/proc/${pid}/status`).slice(0, 400));
    throw new Error(left.join('\n'), { cause: error });
  });
}

export const nameOf = (pid: number): string => read(`/proc/${pid}/comm`).trim();

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** Whether it is process 1 of a namespace of its own. */
export function isFirst(pid: number): boolean {
  return /^NSpid:\s+\d+\s+1$/m.test(read(`/proc/${pid}/status`));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
}

/** A Bash script as the server would have it run. */
export function script(code: string, limits: Partial<Limits> = {}): SandboxCommand {
  return {
    id: 'faults/run',
    recipe: { ...RECIPE, digest: DIGEST },
    args: [code],
    env: {},
    limits: { ...LIMITS, ...limits },
    files: [],
    stdin: new Uint8Array(0),
    keepOutput: false,
    artifacts: [],
  };
}

/** A launcher works that runs a program and gives its output. */
export async function works({ backend }: Launcher): Promise<string> {
  const { outcome, stdout } = await backend.run(script('echo 42'), {
    signal: new AbortController().signal,
    onOutput: () => {},
  });
  const said = Buffer.from(stdout).toString();
  return outcome.kind === 'exited' ? said.trim() : JSON.stringify(outcome);
}

export function touch(path: string): void {
  writeFileSync(path, '');
}
