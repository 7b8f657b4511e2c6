import type { LaunchRecipe, StageRecipe } from '@gozolite/contract/recipe';

/** More than stands before the last of a program's imports. */
const BYTES_MAX = 64 * 1024;

/** What a run is started with, as far as the choice of what is loaded ahead needs it. */
export interface Program {
  readonly files: readonly { readonly content: Uint8Array }[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The recipe that such a program is started by: one with libraries loaded ahead only where it says
 * that it loads them, so that nobody is charged for what he does not use, and only where nothing
 * else could be meant by their names: a file beside it would stand before them, and an environment
 * of its own may decide what they do as they are loaded.
 */
export function launchFor({ launch, loads = [] }: StageRecipe, program: Program): LaunchRecipe {
  const [file, ...others] = program.files;
  const isAlone = file !== undefined && others.length === 0;
  if (loads.length === 0 || !isAlone || Object.keys(program.env).length > 0) return launch;
  const text = Buffer.from(file.content.subarray(0, BYTES_MAX)).toString('utf8');
  const lines = text.split('\n');
  const fits = (words: string) => lines.some((line) => beginsWith(line, words));
  return loads.find((load) => load.lines.some(fits))?.launch ?? launch;
}

/** With whole words: what follows is none that could go on. */
function beginsWith(line: string, words: string): boolean {
  return line.startsWith(words) && !/^[\w$]/.test(line.slice(words.length, words.length + 1));
}
