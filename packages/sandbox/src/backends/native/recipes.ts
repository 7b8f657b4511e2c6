import type { LaunchRecipe } from '@gozolite/contract/recipe';
import { BackendUnavailable } from '../../backend.js';
import type { Frame } from './protocol/frames.js';
import { recipeFrame } from './protocol/launch.js';
import type { LauncherMessage } from './protocol/messages.js';

/** Which recipes the launcher has been told; each is told once, by the first run that needs it. */
export interface RecipeBook {
  /**
   * Ends when the launcher knows the recipe.
   * @throws RecipeRefused, or BackendUnavailable where the launcher can't be asked
   */
  ensureKnown(recipe: LaunchRecipe): Promise<void>;
  /** Of one digest, or of all: the launcher may have been restarted, so tell it again. */
  forget(digest?: string): void;
}

/** The launcher read the recipe and does not accept it. */
export class RecipeRefused extends Error {
  override readonly name = 'RecipeRefused';
}

export function createRecipeBook(ask: (question: Frame) => Promise<LauncherMessage>): RecipeBook {
  const told = new Map<string, Promise<void>>();

  const tell = async (recipe: LaunchRecipe): Promise<void> => {
    const answer = await ask(recipeFrame(recipe));
    if (answer.type === 'recipe_ok' && answer.digest === recipe.digest) return;
    if (answer.type === 'error') throw new RecipeRefused(`${answer.code}: ${answer.message}`);
    throw new BackendUnavailable(`the launcher answered a recipe with ${answer.type}`);
  };

  return {
    ensureKnown: (recipe) => {
      const known = told.get(recipe.digest);
      if (known !== undefined) return known;
      const telling = tell(recipe);
      told.set(recipe.digest, telling);
      telling.catch(() => {
        // The next run asks again, unless another has begun to since.
        if (told.get(recipe.digest) === telling) told.delete(recipe.digest);
      });
      return telling;
    },
    forget: (digest) => {
      if (digest === undefined) told.clear();
      else told.delete(digest);
    },
  };
}
