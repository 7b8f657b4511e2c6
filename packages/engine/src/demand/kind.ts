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

/** @returns undefined for a command that no sandbox can be prepared for. */
export function kindOf(command: SandboxCommand, about: About): Kind | undefined {
  const { recipe, limits, keepOutput } = command;
  const { boot } = recipe;
  // What a compile left is copied into a runtime that waits; else it lies under the workspace.
  const isOver = command.layer !== undefined && boot === undefined;
  const hasOwnEnv = boot?.keeps_env === true && Object.keys(command.env).length > 0;
  const isOwn = isOver || command.network !== undefined || command.data !== undefined;
  if (isOwn || hasOwnEnv) return undefined;
  const args = command.args.slice(0, boot?.args ?? 0);
  if (args.reduce((sum, arg) => sum + Buffer.byteLength(arg), 0) > ARGS_BYTES_MAX) return undefined;
  const laidOutFor = boot === undefined ? [] : [limits.stack_kb, limits.cpus];
  return {
    key: JSON.stringify([recipe.digest, keepOutput, laidOutFor, args]),
    about,
    line: { recipe, args, keepOutput, limits },
  };
}
