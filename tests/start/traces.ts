import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { launcherCgroups } from '../launcher-cgroups.js';

/** What a GozoLite with this socket could leave on a machine, as seen from outside. */
export interface Traces {
  readonly socket: boolean;
  readonly cgroups: readonly string[];
  readonly mounts: readonly string[];
}

export function traces(socket: string, state: string): Traces {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return {
    socket: existsSync(socket),
    cgroups: launcherCgroups(socket),
    mounts: mounts.filter((line) => line.includes('gozolite') || line.includes(state)),
  };
}

export const NO_TRACES: Traces = { socket: false, cgroups: [], mounts: [] };

/** One field of /proc/PID/status. */
export function statusField(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** Every file that a process has open or mapped, and its working folder. */
export function filesOf(pid: number): readonly string[] {
  const open = readdirSync(`/proc/${pid}/fd`).map((name) =>
    readlinkSync(`/proc/${pid}/fd/${name}`),
  );
  const mapped = readFileSync(`/proc/${pid}/maps`, 'utf8').match(/\/.*$/gm) ?? [];
  return [...open, ...mapped, readlinkSync(`/proc/${pid}/cwd`)];
}
