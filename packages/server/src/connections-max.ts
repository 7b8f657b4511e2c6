import { readFileSync } from 'node:fs';

/** More clients at once than any host of ours runs programs for. */
const CONNECTIONS_MAX = 4096;
/** The runtime's own, the log, the listener, the way to the launcher: 20 were seen. */
const OWN = 40;
/** A running program's connection to the launcher, and that of the layer below it. */
const OF_EXECUTION = 2;

/**
 * How many connections clients may have, so that descriptors are left to run what they ask for.
 * One more is closed as soon as it comes.
 * @param descriptors the process's limit (RLIMIT_NOFILE)
 * @param concurrency executions that run at once
 */
export function connectionsMaxFor(descriptors: number, concurrency: number): number {
  const rest = descriptors - OWN - OF_EXECUTION * concurrency;
  return Math.max(1, Math.min(CONNECTIONS_MAX, rest));
}

/** RLIMIT_NOFILE; Node has raised the soft limit to the hard one when it started. */
export function descriptorsMax(limitsFile = '/proc/self/limits'): number {
  const soft = /^Max open files +(\d+|unlimited)/m.exec(readFileSync(limitsFile, 'utf8'))?.[1];
  if (soft === undefined) throw new Error(`${limitsFile} has no line of open files`);
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
