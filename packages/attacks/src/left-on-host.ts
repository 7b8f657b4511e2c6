import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evidence } from './ending.js';

/** What the launcher calls what holds a sandbox, and one that waits (child/mod.rs). */
const INIT = 'gozo-init';
const WAITING = 'gozo-waiting';

/**
 * What is left of a run on the host: processes that carry its mark, cgroups of its sandbox.
 * @param launcherFolders the launcher's own folder in each cgroup hierarchy
 * @param isShared others run there as well: a sandbox whose PID 1 lives may be theirs
 */
export function leftOnHost(
  launcherFolders: readonly string[],
  mark: string,
  isShared: boolean,
): Evidence['left'] {
  if (processesWith(mark) > 0) return 'process';
  const isAnothers = isShared ? holdsSandbox : isWaiting;
  const left = usedGroups(launcherFolders).filter((path) => !members(path).some(isAnothers));
  return left.length > 0 ? 'cgroup' : 'nothing';
}

function processesWith(mark: string): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`).includes(mark);
    } catch {
      return false; // It ended meanwhile.
    }
  }).length;
}

/**
 * Cgroups that a sandbox used: directly below the launcher's own. Those that it keeps in stock for
 * sandboxes to come have counted nothing yet.
 */
function usedGroups(launcherFolders: readonly string[]): readonly string[] {
  return launcherFolders
    .flatMap((path) => foldersIn(path).map((name) => join(path, name)))
    .filter(hasCounted);
}

/** Whether a process holds a sandbox that was made ahead. */
function isWaiting(pid: string): boolean {
  return nameOf(pid) === WAITING;
}

/** Whether a process is the PID 1 of a sandbox, which no program in it can pretend to be. */
function holdsSandbox(pid: string): boolean {
  if (![INIT, WAITING].includes(nameOf(pid))) return false;
  return /^NSpid:.*\t1$/m.test(read(`/proc/${pid}/status`));
}

function nameOf(pid: string): string {
  return read(`/proc/${pid}/comm`).trim();
}

function members(group: string): readonly string[] {
  return read(join(group, 'cgroup.procs')).split('\n').filter(Boolean);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
}

function hasCounted(path: string): boolean {
  const counters = ['cpu.stat', 'cpuacct.usage', 'memory.max_usage_in_bytes'];
  return counters.some((name) => {
    try {
      return /^(usage_usec )?[1-9]/m.test(readFileSync(join(path, name), 'utf8'));
    } catch {
      return false; // Another hierarchy's counter, or the group is gone.
    }
  });
}

export function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // This hierarchy does not have the folder.
  }
}

/** Where each cgroup hierarchy is mounted. */
export function cgroupRoots(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
}
