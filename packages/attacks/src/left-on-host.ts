import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evidence } from './ending.js';

/** What the launcher calls it. */
const WAITING = 'gozo-waiting';

/**
 * What is left of a run on the host: processes that carry its mark, cgroups of its sandbox.
 * @param launcherFolders the launcher's own folder in each cgroup hierarchy
 */
export function leftOnHost(launcherFolders: readonly string[], mark: string): Evidence['left'] {
  if (processesWith(mark) > 0) return 'process';
  return sandboxGroups(launcherFolders) > 0 ? 'cgroup' : 'nothing';
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
 * sandboxes to come have counted nothing yet, or hold one that waits for a request.
 */
function sandboxGroups(launcherFolders: readonly string[]): number {
  return launcherFolders
    .flatMap((path) => foldersIn(path).map((name) => join(path, name)))
    .filter((path) => hasCounted(path) && !isWaitingGroup(path)).length;
}

/** Whether the payload of a sandbox that was made ahead waits there (child/payload.rs). */
function isWaitingGroup(path: string): boolean {
  return read(join(path, 'cgroup.procs'))
    .trim()
    .split('\n')
    .some((pid) => read(`/proc/${pid}/comm`).trim() === WAITING);
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
