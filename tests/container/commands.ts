import { createHash, randomUUID } from 'node:crypto';
import type { SandboxCommand } from '@gozolite/sandbox/backend';

export const LIMITS = {
  ...{ wall_time_ms: 20_000, cpu_time_ms: 10_000, memory_kb: 64 * 1024, stack_kb: 8192, cpus: 1 },
  ...{ output_kb: 64, disk_kb: 8192, file_kb: 4096, processes: 32, open_files: 64 },
};

/** A program in Python. */
export function command(code: string, more: Partial<SandboxCommand> = {}): SandboxCommand {
  return program(['/usr/bin/python3', '-I', '-B', 'main.py'], {
    files: [{ path: 'main.py', content: Buffer.from(code), executable: false }],
    ...more,
  });
}

/** Any words. */
export function program(
  words: readonly string[],
  more: Partial<SandboxCommand> = {},
): SandboxCommand {
  const recipe = { rootfs: 'host', command: words, env: { PATH: '/usr/bin:/bin', HOME: '/tmp' } };
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  const base = { files: [], stdin: new Uint8Array(), keepOutput: false, artifacts: [] };
  return {
    id: `container/${randomUUID()}`,
    recipe: { ...recipe, digest },
    ...{ args: [], env: {}, limits: LIMITS, ...base, ...more },
  };
}
