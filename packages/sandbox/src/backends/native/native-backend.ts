import type { Outcome } from '@gozolite/contract/outcome';
import type { LaunchRecipe } from '@gozolite/contract/recipe';
import {
  type Backend,
  BackendUnavailable,
  type PoolKept,
  type PoolLine,
  type RunOptions,
  type SandboxCommand,
  type SandboxResult,
} from '../../backend.js';
import type { Interaction } from '../../interaction.js';
import { type Connections, createConnections } from './connections.js';
import { type Control, openControl } from './control.js';
import { pending } from './pending.js';
import { encodeFrames, FrameError } from './protocol/frames.js';
import { diagnoseFrame, launchFrames, poolFrame } from './protocol/launch.js';
import { createReceived } from './received.js';
import { createRecipeBook, type RecipeBook, RecipeRefused } from './recipes.js';
import { refusedBy, runSession } from './session.js';

export interface NativeBackendOptions {
  /** Of sandboxd's socket. */
  readonly socketPath: string;
}

/** Sandboxes made by sandboxd: one connection each, and closing it is what kills the sandbox. */
export function createNativeBackend({ socketPath }: NativeBackendOptions): Backend {
  const control = openControl(socketPath, () => recipes.forget());
  const recipes = createRecipeBook((question) => control.ask(question));
  const connections = createConnections(socketPath);
  const running = new Set<AbortController>();

  return {
    name: 'native',
    talks: true,
    diagnose: () => diagnose(control),
    keepReady: (lines, ageMs) => keepReady({ control, recipes }, lines, ageMs),
    run: async (command, { signal, ...rest }) => {
      const killed = new AbortController();
      const kill = () => killed.abort();
      running.add(killed);
      signal.addEventListener('abort', kill, { once: true });
      if (signal.aborted) kill();
      try {
        return await launch({ connections, recipes }, command, { ...rest, signal: killed.signal });
      } finally {
        signal.removeEventListener('abort', kill);
        running.delete(killed);
        connections.prepare();
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const killed of running) killed.abort();
      connections[Symbol.dispose]();
      await control[Symbol.asyncDispose]();
    },
  };
}

interface Launcher {
  readonly connections: Connections;
  readonly recipes: RecipeBook;
}

async function launch(
  { connections, recipes }: Launcher,
  command: SandboxCommand,
  options: RunOptions,
): Promise<SandboxResult> {
  const ended = (outcome: Outcome) => createReceived(0).resultWithout(outcome);
  const pieces = encode(command, options.interaction);
  if (pieces === undefined) return ended(refusedBy('E2BIG'));
  for (let tellings = 0; tellings < 2; tellings += 1) {
    const obstacle = await tellRecipe(recipes, command.recipe, options.signal);
    if (obstacle !== undefined) return ended(obstacle);
    const { open } = connections;
    const end = await runSession({ open, command, pieces, options });
    if (end.kind === 'result') return end.result;
    recipes.forget(command.recipe.digest);
  }
  return ended(refusedBy('RECIPE'));
}

/** undefined where the arguments and environment don't fit into a header of the protocol. */
function encode(
  command: SandboxCommand,
  interaction: Interaction | undefined,
): readonly Uint8Array[] | undefined {
  try {
    return encodeFrames(launchFrames(command, interaction));
  } catch (error) {
    if (error instanceof FrameError) return undefined;
    throw error;
  }
}

/** @returns why nothing can run, or undefined where the launcher knows the recipe. */
async function tellRecipe(
  recipes: RecipeBook,
  recipe: LaunchRecipe,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const cancelled: Outcome = { kind: 'cancelled' };
  if (signal.aborted) return cancelled;
  const { promise: aborted, resolve } = pending<Outcome>();
  const cancel = () => resolve(cancelled);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await Promise.race([aborted, recipes.ensureKnown(recipe).then(() => undefined)]);
  } catch (error) {
    if (error instanceof RecipeRefused || error instanceof FrameError) return refusedBy('RECIPE');
    if (error instanceof BackendUnavailable)
      return { kind: 'launcher-lost', reason: error.message };
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

interface Teller {
  readonly control: Control;
  readonly recipes: RecipeBook;
}

/** The launcher may have been restarted since it was told a recipe: then it is told again, once. */
async function keepReady(
  { control, recipes }: Teller,
  lines: readonly PoolLine[],
  ageMs: number,
): Promise<readonly PoolKept[]> {
  for (let tellings = 0; ; tellings += 1) {
    await Promise.all(lines.map(({ recipe }) => told(recipes, recipe)));
    const answer = await control.ask(poolFrame(lines, ageMs));
    if (answer.type === 'pool_ok' && answer.kept.length === lines.length) return answer.kept;
    if (answer.type !== 'error' || answer.code !== 'RECIPE' || tellings > 0) {
      const what = answer.type === 'error' ? `${answer.code}: ${answer.message}` : answer.type;
      throw new BackendUnavailable(`the launcher answered an order of its pool with ${what}`);
    }
    for (const { recipe } of lines) recipes.forget(recipe.digest);
  }
}

async function told(recipes: RecipeBook, recipe: LaunchRecipe): Promise<void> {
  try {
    await recipes.ensureKnown(recipe);
  } catch (error) {
    if (error instanceof BackendUnavailable) throw error;
    throw new BackendUnavailable('the launcher does not accept a recipe', { cause: error });
  }
}

async function diagnose(control: Control) {
  const answer = await control.ask(diagnoseFrame());
  if (answer.type !== 'diagnosis') {
    throw new BackendUnavailable(`the launcher answered a diagnosis with ${answer.type}`);
  }
  const { type: _, ...diagnosis } = answer;
  return diagnosis;
}
