import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** USER_HZ, which proc(5) counts in. */
const TICK_MS = 10;
/** Until what a request leaves behind is done: teardown, and the pool's next. */
const SETTLE_MS = 1_500;

/** What all CPUs together were busy with since the start, whoever asked for it (proc(5), stat). */
function busyMs(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}

/**
 * CPU milliseconds of one execution, whichever process they are spent in and when: the whole
 * machine's, until it is settled again, less what it is busy with when nobody asks for anything.
 * So refilling a pool is not free. It takes a machine that does nothing else.
 */
export async function cpuOf(count: number, execute: () => Promise<unknown>): Promise<number> {
  await setTimeout(SETTLE_MS);
  const idle = await over(() => setTimeout(SETTLE_MS));
  const busy = await over(async () => {
    for (let done = 0; done < count; done += 1) await execute();
    await setTimeout(SETTLE_MS);
  });
  return Math.max(0, (busy.cpuMs - (idle.cpuMs / idle.wallMs) * busy.wallMs) / count);
}

export async function over(work: () => Promise<unknown>) {
  const [beganMs, cpuMs] = [performance.now(), busyMs()];
  await work();
  return { wallMs: performance.now() - beganMs, cpuMs: busyMs() - cpuMs };
}
