import type { Limits } from '@gozolite/contract/limits';
import type { LaunchRecipe } from '@gozolite/contract/recipe';
import { launchOf } from '@gozolite/languages/recipe';
import type { SandboxCommand } from '@gozolite/sandbox/backend';

/** A command of the server's own: whole in its recipe, without files, input or anything kept. */
export function ownCommand(
  id: string,
  recipe: Omit<LaunchRecipe, 'digest'>,
  limits: Limits,
): SandboxCommand {
  return {
    id: `${id}/run`,
    recipe: launchOf(recipe),
    args: [],
    env: {},
    limits,
    files: [],
    stdin: new Uint8Array(),
    keepOutput: false,
    artifacts: [],
  };
}
