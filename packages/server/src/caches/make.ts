import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { LimitPolicy, Limits } from '@gozolite/contract/limits';
import type { Outcome } from '@gozolite/contract/outcome';
import type { LaunchRecipe } from '@gozolite/contract/recipe';
import type { Backend, SandboxResult } from '@gozolite/sandbox/backend';
import { ownCommand } from '../probing/own-command.js';

export type Made =
  | { readonly kind: 'made' }
  /** It was stopped, or nothing could be run at all: that says nothing of the toolchain. */
  | { readonly kind: 'not-tried' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Making {
  readonly backend: Backend;
  readonly policy: LimitPolicy;
  readonly signal: AbortSignal;
}

/** An archive (tar(1), gzip) of what the command leaves in its working folder. */
const ARCHIVE = [
  '"$@" >&2 &&',
  "tar --create --use-compress-program='gzip -1' --mode=u=rwX,go=rX",
  '--owner=0 --group=0 --numeric-owner --directory=/work .',
].join(' ');
const NICE = ['/usr/bin/nice', '-n', '19', '/usr/bin/sh', '-c', ARCHIVE, 'cache'] as const;
const UNPACK = ['--extract', '--gzip', '--preserve-permissions', '--no-same-owner'] as const;
const WALL_MS_MAX = 600_000;
const MEMORY_KB_MAX = 2 * 1024 * 1024;
/** Compressed. The launcher takes as much, and no request's limits do. */
const OUTPUT_KB_MAX = 256 * 1024;
const PROCESSES = 256;
const REASON_LETTERS_MAX = 300;
const SAYS_NOTHING: ReadonlySet<string> = new Set<Outcome['kind']>([
  'cancelled',
  'launcher-lost',
  'setup-failed',
  'below-floor',
]);

/**
 * Runs a command of a toolchain in a sandbox, and unpacks what it left in its working folder into
 * a folder that is empty. It has one CPU at most, and nice(1), which counts where there is no
 * cgroup.
 */
export async function makeCache(
  { backend, policy, signal }: Making,
  { recipe, folder }: { readonly recipe: Omit<LaunchRecipe, 'digest'>; readonly folder: string },
): Promise<Made> {
  const unpacking = unpack(folder);
  const archived = { ...recipe, command: [...NICE, ...recipe.command] };
  const result = await backend.run(
    ownCommand(`cache_${randomUUID()}`, archived, limitsWithin(policy)),
    {
      signal,
      onOutput: ({ stream, bytes }) => {
        if (stream === 'stdout') unpacking.write(bytes);
      },
    },
  );
  const unpacked = await unpacking.end();
  const { outcome } = result;
  if (SAYS_NOTHING.has(outcome.kind)) return { kind: 'not-tried' };
  if (outcome.kind !== 'exited' || outcome.exitCode !== 0) {
    return { kind: 'failed', reason: reasonOf(result) };
  }
  return unpacked === undefined ? { kind: 'made' } : { kind: 'failed', reason: unpacked };
}

/** tar(1) at work; `end` gives what went wrong, if anything did. */
function unpack(folder: string) {
  const tar = spawn('tar', [...UNPACK, `--directory=${folder}`], {
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let words = '';
  tar.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (words.length < REASON_LETTERS_MAX) words += text;
  });
  const ended = new Promise<string | undefined>((resolve) => {
    tar.on('error', (error) => resolve(error.message));
    tar.on('close', (code) => {
      const said = words.trim().slice(0, REASON_LETTERS_MAX);
      resolve(code === 0 ? undefined : `tar ended with ${code}: ${said}`);
    });
  });
  // One that ended early says why by its exit code.
  tar.stdin.on('error', () => undefined);
  return {
    write: (bytes: Uint8Array) => tar.stdin.write(bytes),
    end: () => {
      tar.stdin.end();
      return ended;
    },
  };
}

function limitsWithin({ compile: { defaults, ceilings } }: LimitPolicy): Limits {
  return {
    ...defaults,
    wall_time_ms: WALL_MS_MAX,
    cpu_time_ms: WALL_MS_MAX,
    memory_kb: Math.min(MEMORY_KB_MAX, ceilings.memory_kb),
    cpus: 1,
    output_kb: OUTPUT_KB_MAX,
    disk_kb: ceilings.disk_kb,
    file_kb: ceilings.file_kb,
    processes: Math.min(PROCESSES, ceilings.processes),
  };
}

function reasonOf({ outcome, stderr }: SandboxResult): string {
  const said = Buffer.from(stderr).toString('utf8').trim().slice(-REASON_LETTERS_MAX);
  const how = outcome.kind === 'exited' ? `it ended with ${outcome.exitCode}` : outcome.kind;
  return said === '' ? how : `${how}: ${said}`;
}
