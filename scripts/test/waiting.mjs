import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the launcher calls a sandbox that was made ahead (child/mod.rs): its payload where there is
 * no program in it yet, its PID 1 where a runtime was booted or is held in it.
 */
const NAME = 'gozo-waiting';
const LAUNCHER = 'sandboxd';

/** Whether this process says of a sandbox that it waits for a request. */
export function isWaiting(pid) {
  return nameOf(pid) === NAME;
}

/**
 * All processes of each sandbox that waits. Only those of a launcher that lives: what a dead one
 * has left waits for nobody.
 */
export function waitingProcesses(pids) {
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const firsts = new Set(
    pids
      .filter(isWaiting)
      .map((pid) => (isFirst(pid) ? pid : parents.get(pid)))
      .filter((pid) => isFirst(pid) && nameOf(parentOf(pid)) === LAUNCHER),
  );
  const isBelow = (pid) => pid !== undefined && (firsts.has(pid) || isBelow(parents.get(pid)));
  return new Set(pids.filter(isBelow));
}

/** Whether this cgroup is that of a sandbox that waits. */
export function isWaitingGroup(path) {
  return read(join(path, 'cgroup.procs')).trim().split('\n').some(isWaiting);
}

/** Whether it is the PID 1 of a sandbox, which no program in it can pretend to be. */
function isFirst(pid) {
  return /^NSpid:.*\t1$/m.test(read(`/proc/${pid}/status`));
}

function parentOf(pid) {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

function nameOf(pid) {
  return read(`/proc/${pid}/comm`).trim();
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended meanwhile.
  }
}
