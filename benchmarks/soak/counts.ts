import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sandboxProcesses } from '../../scripts/test/test-server.mjs';
import { launcherCgroups } from '../../tests/launcher-cgroups.js';
import type { Pids, ServerUnderTest } from '../../tests/server-under-test.js';

/** A launcher's slots, each with a uid of its own. */
const UIDS = 1024;

/** Everything of a running GozoLite that could grow or be left behind. */
export interface Counts {
  readonly launcherFds: number;
  readonly serverFds: number;
  readonly launcherThreads: number;
  readonly serverThreads: number;
  readonly launcherMounts: number;
  readonly hostMounts: number;
  readonly hostTmpfs: number;
  readonly cgroups: number;
  readonly sandboxProcesses: number;
  /** Objects of System V IPC and keyrings that a sandbox's uid owns on the host. */
  readonly ipcObjects: number;
  readonly keyrings: number;
  readonly dataFiles: number;
  readonly launcherRssKb: number;
  readonly serverRssKb: number;
}

export function countAll(pids: Pids, { socket, state, uidBase }: ServerUnderTest): Counts {
  const host = mountsOf('self');
  return {
    launcherFds: entries(`/proc/${pids.launcher}/fd`),
    serverFds: entries(`/proc/${pids.server}/fd`),
    launcherThreads: entries(`/proc/${pids.launcher}/task`),
    serverThreads: entries(`/proc/${pids.server}/task`),
    launcherMounts: mountsOf(pids.launcher).length,
    hostMounts: host.length,
    hostTmpfs: host.filter((line) => / - tmpfs /.test(line)).length,
    cgroups: launcherCgroups(socket).length,
    sandboxProcesses: sandboxProcesses(uidBase).length,
    ipcObjects: ['shm', 'sem', 'msg'].flatMap((kind) => owned(`/proc/sysvipc/${kind}`, uidBase))
      .length,
    keyrings: owned('/proc/key-users', uidBase).length,
    dataFiles: readdirSync(join(state, 'data'), { recursive: true }).length,
    launcherRssKb: rssKb(pids.launcher),
    serverRssKb: rssKb(pids.server),
  };
}

/** Lines that name a uid of the sandboxes. */
function owned(path: string, uidBase: number): readonly string[] {
  const isOurs = (word: string) => Number(word) >= uidBase && Number(word) < uidBase + UIDS;
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.filter((line) => line.split(/[\s:]+/).some(isOurs));
}

function entries(folder: string): number {
  return readdirSync(folder).length;
}

function mountsOf(pid: number | 'self'): readonly string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trimEnd().split('\n');
}

function rssKb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}
