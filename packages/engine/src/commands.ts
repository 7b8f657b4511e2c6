import { expandArgs } from '@gozolite/languages/expand';
import { launchFor } from '@gozolite/languages/prepare/loads';
import { launchForTenant } from '@gozolite/languages/prepare/templates';
import type { Layer, SandboxCommand } from '@gozolite/sandbox/backend';
import type { Admitted } from './admitted.js';

/** The commands of one execution, everything decided but the layer that the run stands on. */
export interface Commands {
  readonly compile?: SandboxCommand;
  run(layer: Layer | undefined): SandboxCommand;
}

export function commandsFor(admitted: Admitted): Commands {
  const { id, recipe, limits, entry, args, artifacts, network, data } = admitted;
  const floor = floorOf(admitted);
  const files = admitted.files.map((file) => file.path);
  const compile = compileCommand(admitted, files);
  const expanded = expandArgs(recipe.run, { entry, files, args, limits: limits.run });
  return {
    ...(compile === undefined ? {} : { compile }),
    run: (layer) => ({
      id: `${id}/run`,
      recipe: launchForTenant(
        layer === undefined ? launchFor(recipe.run, admitted) : recipe.run.launch,
        admitted,
      ),
      args: expanded.args,
      env: { ...expanded.env, ...admitted.env },
      limits: limits.run,
      // The compile's frozen output holds the files already.
      files: layer === undefined ? admitted.files : [],
      stdin: admitted.stdin,
      ...(layer === undefined ? {} : { layer }),
      keepOutput: false,
      artifacts,
      ...(network === undefined || network.allow.length === 0 ? {} : { network }),
      ...(data === undefined ? {} : { data }),
      ...floor,
    }),
  };
}

function compileCommand(admitted: Admitted, files: readonly string[]): SandboxCommand | undefined {
  const { id, recipe, limits, entry, compileArgs, files: contents } = admitted;
  if (recipe.compile === undefined) return undefined;
  if (limits.compile === undefined) throw new Error('a recipe that compiles, without its limits');
  const input = { entry, files, args: compileArgs, limits: limits.compile };
  return {
    id: `${id}/compile`,
    recipe: launchForTenant(recipe.compile.launch, admitted),
    ...expandArgs(recipe.compile, input),
    limits: limits.compile,
    files: contents,
    stdin: new Uint8Array(0),
    keepOutput: true,
    artifacts: [],
    ...floorOf(admitted),
  };
}

function floorOf({ isolationFloor: floor }: Admitted): Pick<SandboxCommand, 'floor'> {
  return floor === undefined ? {} : { floor };
}
