import type { LimitPolicy, Limits } from '@gozolite/contract/limits';
import type { Probe } from '@gozolite/languages/offers/probe';
import type { Backend } from '@gozolite/sandbox/backend';
import { ownCommand } from './own-command.js';

const WALL_MS_MAX = 20_000;
const MEMORY_KB = 512 * 1024;

/**
 * Runs a toolchain's version command as any program is run: in a fresh sandbox.
 * @param onLost called where nothing could be run at all, which says nothing of the toolchain
 */
export function createProbe(backend: Backend, policy: LimitPolicy, onLost: () => void): Probe {
  const limits = probeLimits(policy);
  let count = 0;
  return async (argv, env, rootfs) => {
    count += 1;
    const result = await backend.run(
      ownCommand(`probe_${count}`, { rootfs, command: argv, env }, limits),
      { signal: AbortSignal.timeout(2 * WALL_MS_MAX) },
    );
    const { outcome } = result;
    if (outcome.kind === 'cancelled' || outcome.kind === 'setup-failed') return null;
    if (outcome.kind === 'launcher-lost' || outcome.kind === 'below-floor') {
      onLost();
      return null;
    }
    const exitCode = outcome.kind === 'exited' ? outcome.exitCode : -1;
    const [stdout, stderr] = [result.stdout, result.stderr].map((bytes) =>
      Buffer.from(bytes).toString('utf8'),
    );
    return { exitCode, stdout: stdout ?? '', stderr: stderr ?? '' };
  };
}

function probeLimits({ compile }: LimitPolicy): Limits {
  const memoryKb = Math.min(MEMORY_KB, compile.ceilings.memory_kb);
  return {
    ...compile.defaults,
    wall_time_ms: WALL_MS_MAX,
    cpu_time_ms: WALL_MS_MAX,
    memory_kb: memoryKb,
    stack_kb: Math.min(compile.defaults.stack_kb, memoryKb),
    output_kb: 64,
  };
}
