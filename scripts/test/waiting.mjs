import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the launcher calls the payload of a sandbox that was made ahead (child/payload.rs). */
const NAME = 'gozo-waiting';

/** Whether this process is the payload of a sandbox that waits for a request. */
export function isWaiting(pid) {
  return read(`/proc/${pid}/comm`).trim() === NAME;
}

/** Both processes of each sandbox that waits: its payload and its PID 1. */
export function waitingProcesses(pids) {
  const payloads = pids.filter(isWaiting);
  const parents = payloads.map((pid) =>
    Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]),
  );
  return new Set([...payloads, ...parents]);
}

/** Whether this cgroup is that of a sandbox that waits. */
export function isWaitingGroup(path) {
  return read(join(path, 'cgroup.procs')).trim().split('\n').some(isWaiting);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
}
