import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { launcherCgroups } from '../launcher-cgroups.js';
import { eventually } from '../server-under-test.js';
import { type Launcher, nameOf, processesOf, SLOTS } from './launcher.js';

/** Of each purpose so many sandboxes wait for a request (crates/sandboxd supervise/spares.rs). */
const WAITING = 5;
const RESTS_MS_MAX = 20_000;

/** All that a launcher and its sandboxes could leave, as far as the host can count it. */
export function counts(launcher: Launcher) {
  return {
    processes: processesOf(launcher).length,
    namespaces: namespacesOf(launcher),
    descriptors: readdirSync(`/proc/${launcher.pid}/fd`).length,
    mounts: linesOf(`/proc/${launcher.pid}/mountinfo`).length,
    tmpfs: linesOf(`/proc/${launcher.pid}/mountinfo`).filter((line) => / - tmpfs /.test(line))
      .length,
    hostMounts: linesOf('/proc/self/mountinfo').filter((line) => line.includes('gozo')).length,
    cgroups: launcherCgroups(launcher.socket).length,
    ipc: ['shm', 'sem', 'msg'].flatMap((kind) => {
      return linesOf(`/proc/sysvipc/${kind}`).filter((line) =>
        line.split(/\s+/).some(isOurs(launcher)),
      );
    }).length,
    keyrings: linesOf('/proc/key-users').filter((line) => {
      return isOurs(launcher)(line.trim().split(':')[0] ?? '');
    }).length,
  };
}

/** The same, when nothing is on its way any more: every uid is back, every spare is made. */
export async function restingCounts(launcher: Launcher): Promise<ReturnType<typeof counts>> {
  const own = 2; // The launcher and its undertaker.
  await eventually('the launcher at rest', RESTS_MS_MAX, () => {
    const all = processesOf(launcher);
    const waiting = all.filter((pid) => nameOf(pid) === 'gozo-waiting').length;
    return (waiting === WAITING && all.length === own + 2 * WAITING) || undefined;
  });
  return await eventually('two equal counts', RESTS_MS_MAX, async () => {
    const first = counts(launcher);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = counts(launcher);
    return JSON.stringify(first) === JSON.stringify(second) ? second : undefined;
  });
}

const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

function namespacesOf(launcher: Launcher): number {
  const links = processesOf(launcher).flatMap((pid) => KINDS.map((kind) => linkOf(pid, kind)));
  return new Set(links).size;
}

function linkOf(pid: number, kind: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return 'gone';
  }
}

const isOurs = (launcher: Launcher) => (text: string) => {
  const uid = Number(text);
  return uid >= launcher.uidBase && uid < launcher.uidBase + SLOTS;
};

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}
