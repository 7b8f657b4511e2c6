import { createHash, randomUUID } from 'node:crypto';
import type { Limits } from '@gozolite/contract/limits';
import type { Backend, SandboxCommand } from '@gozolite/sandbox/backend';
import { ENV, LIMITS as USUAL } from '../limits/trial.js';

/** Times for an emulated processor. */
const LIMITS: Limits = { ...USUAL, wall_time_ms: 60_000, cpu_time_ms: 60_000 };

/** A Bash script and what it may use beyond the usual. */
export function bash(code: string, limits: Partial<Limits> = {}): SandboxCommand {
  return commandOf(['/bin/bash'], code, limits);
}

export function python(code: string, limits: Partial<Limits> = {}): SandboxCommand {
  return commandOf(['/usr/bin/python3', '-I'], code, limits);
}

/** Starts it; `spoke` settles at its first output or its end. */
export function start(backend: Backend, command: SandboxCommand) {
  const abort = new AbortController();
  let speak = () => {};
  const spoke = new Promise<void>((resolve) => {
    speak = resolve;
  });
  const options = { signal: abort.signal, onOutput: () => speak() };
  const ended = backend
    .run({ ...command, id: `vm/${randomUUID()}` }, options)
    .finally(() => speak());
  return { ended, spoke, cancel: () => abort.abort() };
}

/** Other processes tell nobody when they are gone: looks until it holds, or the time is over. */
export async function holdsIn(msMax: number, claim: () => boolean | Promise<boolean>) {
  const deadlineMs = performance.now() + msMax;
  while (!(await claim())) {
    if (performance.now() > deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

function commandOf(
  command: readonly [string, ...string[]],
  code: string,
  limits: Partial<Limits>,
): SandboxCommand {
  const recipe = { rootfs: 'host', command, env: ENV };
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  return {
    id: 'vm',
    recipe: { ...recipe, digest },
    args: ['program'],
    env: {},
    limits: { ...LIMITS, ...limits },
    files: [{ path: 'program', content: Buffer.from(code), executable: false }],
    stdin: new Uint8Array(0),
    keepOutput: false,
    artifacts: [],
  };
}
