import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** A process that fails to do something must not try it again and again at once. */
export async function assertCalm(pid: number): Promise<void> {
  const from = ticksOf(pid);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const used = ticksOf(pid) - from;
  assert.ok(used < 50, `${used} of 100 ticks: it spins`);
}

/** Processor time of a process, in hundredths of a second. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
