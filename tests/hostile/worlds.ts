import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Place } from '@gozolite/attacks/attempt';
import { cgroupRoots, foldersIn, leftOnHost } from '@gozolite/attacks/left-on-host';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

const Ready = Type.Object({
  diagnosis: Type.Object({
    left_out: Type.Array(Type.String()),
    missing: Type.Array(Type.Object({ layer: Type.String(), reason: Type.String() })),
    quarantined: Type.Integer(),
  }),
  env: Type.Record(Type.String(), Type.String()),
});

/** One launcher in an outer world of its own (outer.py), and what the attacks in it are told. */
export interface World extends AsyncDisposable, Place, Pick<Static<typeof Ready>, 'diagnosis'> {
  readonly cgroup: string;
}

export interface WorldPlan {
  readonly launcher: string;
  readonly leaveOut: readonly string[];
  /** Of this suite's worlds, from 0: names, ids and folders of two worlds never meet. */
  readonly number: number;
  /** An ordinary user who starts the launcher, at whatever level that gives; absent: root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Where sandboxes' host ids begin: below the launcher's own default range, one slice a world. */
const UID_BASE = 0x6000_0000;
const UIDS_A_WORLD = 4096;

/** @throws what outer.py or the launcher said, where the world could not be made */
export async function startWorld(plan: WorldPlan): Promise<World> {
  const { launcher, leaveOut, number, user } = plan;
  const folder = mkdtempSync(join(tmpdir(), 'gozo-hostile-'));
  // World-readable, so that only the sandbox keeps an attack from the host's file.
  chmodSync(folder, 0o755);
  const cgroup = `gozolite-hostile-${process.pid}-${number}`;
  const run = join(folder, 'run');
  mkdirSync(run);
  if (user !== undefined) chownSync(run, user.uid, user.gid);
  const socket = join(run, 'socket');
  const flags = ['--socket', socket, '--uid-base', String(UID_BASE + number * UIDS_A_WORLD)];
  const lab = leaveOut.length === 0 ? [] : ['--leave-out', leaveOut.join(',')];
  const started = [launcher, ...flags, '--cgroup-parent', `/${cgroup}`, ...lab];
  const command =
    user === undefined ? started : [...asUser(user), ...started, '--floor', 'reduced'];
  const secret = `host-secret-${randomBytes(8).toString('hex')}`;
  const outerPlan = JSON.stringify({ folder, cgroup, socket, command, secret });
  const outer = spawn('/usr/bin/python3', [
    '-I',
    join(import.meta.dirname, 'outer.py'),
    'join',
    outerPlan,
  ]);
  const clean = () => {
    removeCgroups(cgroup);
    rmSync(folder, { recursive: true, force: true });
  };
  const ready = await untilReady(outer, leaveOut).catch((error: unknown) => {
    clean();
    throw error;
  });
  const backend = createNativeBackend({ socketPath: socket });
  return {
    ...ready,
    backend,
    cgroup,
    left: (mark) => leftOnHost(launcherFolders(cgroup), mark, false),
    [Symbol.asyncDispose]: async () => {
      await backend[Symbol.asyncDispose]();
      await ended(outer);
      clean();
    },
  };
}

function asUser({ uid, gid }: { readonly uid: number; readonly gid: number }): readonly string[] {
  return ['setpriv', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups', '--'];
}

/** Its one line of output says that the launcher answers. */
function untilReady(outer: ChildProcess, leaveOut: readonly string[]) {
  return new Promise<Static<typeof Ready>>((resolve, reject) => {
    let said = '';
    outer.stderr?.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-4096);
    });
    const name = leaveOut.length === 0 ? 'with everything' : `without ${leaveOut.join(', ')}`;
    outer.on('error', reject);
    outer.on('close', () => reject(new Error(`the launcher ${name} ended: ${said}`)));
    if (outer.stdout === null) return;
    createInterface(outer.stdout).once('line', (line) => {
      const value: unknown = JSON.parse(line);
      if (Value.Check(Ready, value)) resolve(value);
      else reject(new Error(`the launcher ${name} answered ${line}`));
    });
  });
}

/** The end of its input is its sign to end; process 1 of the namespace takes all with it. */
function ended(outer: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (outer.exitCode !== null || outer.signalCode !== null) return resolve();
    outer.once('close', () => resolve());
    outer.stdin?.end();
  });
}

/** The launcher's own folder is the one below the world's. */
function launcherFolders(cgroup: string): string[] {
  return cgroupRoots()
    .map((root) => join(root, cgroup))
    .flatMap((path) => foldersIn(path).map((name) => join(path, name)));
}

function removeCgroups(cgroup: string): void {
  for (const root of cgroupRoots()) removeTree(join(root, cgroup));
}

function removeTree(path: string): void {
  for (const name of foldersIn(path)) removeTree(join(path, name));
  try {
    rmdirSync(path);
  } catch {
    // Not every hierarchy has it, and a process that still ends keeps it: no later world meets it.
  }
}

/**
 * Worlds by what they leave out, each started at its first use and ended after its last.
 * @param uses every use there will be, as sets of names
 */
export function createWorlds(
  launchers: { readonly whole: string; readonly lab: string },
  uses: readonly (readonly string[])[],
) {
  const keyOf = (leaveOut: readonly string[]) => [...leaveOut].sort().join(',');
  const usesLeft = new Map<string, number>();
  for (const use of uses) usesLeft.set(keyOf(use), (usesLeft.get(keyOf(use)) ?? 0) + 1);
  const started = new Map<string, Promise<World>>();

  const worldOf = (leaveOut: readonly string[]): Promise<World> => {
    const key = keyOf(leaveOut);
    const launcher = leaveOut.length === 0 ? launchers.whole : launchers.lab;
    const world = started.get(key) ?? startWorld({ launcher, leaveOut, number: started.size });
    started.set(key, world);
    return world;
  };
  const end = async (key: string) => {
    const world = await started.get(key)?.catch(() => undefined);
    await world?.[Symbol.asyncDispose]();
  };
  return {
    async use<T>(leaveOut: readonly string[], work: (world: World) => Promise<T>): Promise<T> {
      const key = keyOf(leaveOut);
      try {
        return await work(await worldOf(leaveOut));
      } finally {
        const left = (usesLeft.get(key) ?? 0) - 1;
        usesLeft.set(key, left);
        if (left === 0) await end(key);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...started.keys()].filter((key) => usesLeft.get(key) !== 0).map(end));
    },
  };
}
