/** Whether this process, a PID 1 or a payload, says of its sandbox that it waits for a request. */
export function isWaiting(pid: number): boolean;
/** All processes of each sandbox that waits, of a launcher that lives. */
export function waitingProcesses(pids: readonly number[]): Set<number>;
/** Whether this cgroup is that of a sandbox that waits. */
export function isWaitingGroup(path: string): boolean;
