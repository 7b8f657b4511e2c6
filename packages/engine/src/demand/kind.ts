import type { StageName } from '@gozolite/contract/limits';
import type { PoolLine, SandboxCommand } from '@gozolite/sandbox/backend';

/** Whose program a command runs, for the operator. */
export interface About {
  readonly language: string;
  readonly version: string;
  readonly stage: StageName;
}

/** Requests that the same prepared sandbox could serve. */
export interface Kind {
  readonly key: string;
  readonly about: About;
  readonly line: Omit<PoolLine, 'count'>;
}

/** Longer words than any request has that is worth preparing for. */
const ARGS_BYTES_MAX = 4096;

/** Whether a sandbox could be prepared for it. */
export function isForeseeable(command: SandboxCommand): boolean {
  const { boot } = command.recipe;
  const kept = boot?.keeps_env ?? [];
  const hasOwnEnv = Object.keys(command.env).some((name) => kept.some((one) => isOf(name, one)));
  const hears = boot?.holds === undefined && boot?.keeps_args === undefined;
  const isTold = !hears && command.args.length > (boot?.args ?? 0);
  const isOwn = isTold || command.network !== undefined || command.data !== undefined;
  if (isOwn || hasOwnEnv) return false;
  const bytes = argsOf(command).reduce((sum, arg) => sum + Buffer.byteLength(arg), 0);
  return bytes <= ARGS_BYTES_MAX;
}

/** Whether a variable is this one, or one of those that begin so (the launcher's boot_serves). */
function isOf(name: string, kept: string): boolean {
  return kept.endsWith('*') ? name.startsWith(kept.slice(0, -1)) : name === kept;
}

/** Those that a runtime is booted with. */
function argsOf({ recipe, args }: SandboxCommand): readonly string[] {
  return args.slice(0, recipe.boot?.args ?? 0);
}

/** @returns undefined for a command that no sandbox can be prepared for. */
export function kindOf(command: SandboxCommand, about: About): Kind | undefined {
  if (!isForeseeable(command)) return undefined;
  const { recipe, limits, keepOutput } = command;
  const { boot } = recipe;
  const args = argsOf(command);
  const laidOutFor = boot === undefined ? [] : [limits.stack_kb, limits.cpus];
  return {
    key: JSON.stringify([recipe.digest, keepOutput, laidOutFor, args]),
    about,
    line: { recipe, args, keepOutput, limits },
  };
}
