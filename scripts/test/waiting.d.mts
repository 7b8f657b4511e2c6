/** Whether this process is the payload of a sandbox that waits for a request. */
export function isWaiting(pid: number): boolean;
/** Both processes of each sandbox that waits: its payload and its PID 1. */
export function waitingProcesses(pids: readonly number[]): Set<number>;
/** Whether this cgroup is that of a sandbox that waits. */
export function isWaitingGroup(path: string): boolean;
