import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sandboxProcesses } from '../scripts/test/test-server.mjs';
import { launcherCgroups } from '../tests/launcher-cgroups.js';
import type { Pids, ServerUnderTest } from '../tests/server-under-test.js';

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
    dataFiles: readdirSync(join(state, 'data'), { recursive: true }).length,
    launcherRssKb: rssKb(pids.launcher),
    serverRssKb: rssKb(pids.server),
  };
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
