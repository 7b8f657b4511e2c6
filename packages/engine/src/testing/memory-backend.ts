import { LAYERS } from '@gozolite/contract/execution';
import type { Outcome } from '@gozolite/contract/outcome';
import type { Backend, RunOptions, SandboxCommand, SandboxResult } from '@gozolite/sandbox/backend';

/** How one command ends; what is absent is as after a clean exit that printed nothing. */
export type Script = (
  command: SandboxCommand,
  options: RunOptions,
) => Promise<Partial<SandboxResult>>;

export interface MemoryBackend extends Backend {
  /** What was called, in order: the ids of commands, and `freed <handle>` for layers. */
  readonly calls: readonly string[];
  readonly commands: readonly SandboxCommand[];
}

const EXITED: Outcome = { kind: 'exited', exitCode: 0 };

/** A backend without sandboxes: for tests of the order of stages, and of nothing else. */
export function memoryBackend(script: Script = async () => ({})): MemoryBackend {
  const calls: string[] = [];
  const commands: SandboxCommand[] = [];
  const free = (handle: string) => async () => {
    calls.push(`freed ${handle}`);
  };
  return {
    name: 'memory',
    calls,
    commands,
    run: async (command, options) => {
      calls.push(command.id);
      commands.push(command);
      const result = { ...clean(), ...(await script(command, options)) };
      const { outcome } = result;
      const isKept = command.keepOutput && outcome.kind === 'exited' && outcome.exitCode === 0;
      if (!isKept) return result;
      const handle = `layer of ${command.id}`;
      return { ...result, layer: { handle, [Symbol.asyncDispose]: free(handle) } };
    },
    diagnose: async () => ({
      kernel: '6.1',
      architecture: 'x86_64',
      cgroup: 'v2',
      isolation: { backend: 'memory', level: 'full', layers: [...LAYERS], missing: [] },
      findings: [],
      leaving: 0,
      quarantined: 0,
    }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function clean(): SandboxResult {
  return {
    outcome: EXITED,
    usage: { wallUs: 2_000, cpuUs: 1_000, memoryKb: 100, stdoutBytes: 0, stderrBytes: 0 },
    limitsHit: [],
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    truncated: { stdout: false, stderr: false },
    artifacts: [],
    prepareMs: 0,
    prepared: false,
  };
}
