import type { Limits } from '@gozolite/contract/limits';
import type { StageRecipe } from '@gozolite/contract/recipe';
import { type Placeholder, spliceOf, substitute } from './file/template.js';

export interface ExpandInput {
  /** Relative to /work. */
  readonly entry: string;
  /** All files of the request, the entry among them. */
  readonly files: readonly string[];
  readonly args: readonly string[];
  readonly limits: Limits;
}

/** Fills in a stage's templates for one request. Pure; placeholders were checked at load. */
export function expandArgs(
  stage: StageRecipe,
  input: ExpandInput,
): { args: string[]; env: Record<string, string> } {
  const fill = (template: string) =>
    substitute(template, (placeholder) => textOf(placeholder, input));
  return {
    args: stage.args.flatMap((template) => {
      const splice = spliceOf(template);
      return splice ? elementsOf(splice, input) : [fill(template)];
    }),
    env: Object.fromEntries(Object.entries(stage.env).map(([name, value]) => [name, fill(value)])),
  };
}

function elementsOf({ name, text = '' }: Placeholder, input: ExpandInput): readonly string[] {
  switch (name) {
    case 'args':
      return input.args;
    case 'files':
      return filesOf(text.split(','), input);
    case 'default':
      return isGiven(text, input.args) ? [] : [text];
    default:
      throw new Error(`no elements for {${name}}`);
  }
}

/** The entry first, whatever its extension, then the others in the order of the request. */
function filesOf(extensions: readonly string[], { entry, files }: ExpandInput): readonly string[] {
  const others = files.filter(
    (file) => file !== entry && extensions.some((extension) => file.endsWith(extension)),
  );
  return [entry, ...others].map(asPath);
}

/** `--edition=2021` is given by `--edition=2024` as well as by `--edition` and its value. */
function isGiven(argument: string, args: readonly string[]): boolean {
  const option = argument.split('=')[0] ?? argument;
  return args.some((arg) => arg === option || arg.startsWith(`${option}=`));
}

function textOf({ name, options }: Placeholder, input: ExpandInput): string | undefined {
  const { entry, limits } = input;
  switch (name) {
    case 'entry':
      return asPath(entry);
    case 'entry_stem':
      return asPath(entry).replace(/(?<=[^/])\.[^./]*$/, '');
    case 'entry_folder':
      return entry.includes('/') ? `./${entry.slice(0, entry.lastIndexOf('/'))}` : '.';
    case 'cpus':
      return String(limits.cpus);
    case 'stack_kb':
      return String(limits.stack_kb);
    case 'memory_kb':
      return String(limits.memory_kb);
    case 'memory_mb':
      return String(memoryMb(limits.memory_kb / 1024, options));
    default:
      return undefined;
  }
}

/** `share` of the limit, but `leave` MiB free for the runtime itself, and never under `least`. */
function memoryMb(limitMb: number, options: Readonly<Record<string, string>>): number {
  const { share = '1', leave = '0', least = '1' } = options;
  const most = Math.min(limitMb * Number(share), limitMb - Number(leave));
  return Math.floor(Math.max(most, Number(least)));
}

/** A name that starts like an option or an argument file must not be taken for one. */
function asPath(path: string): string {
  return /^[-@]/.test(path) ? `./${path}` : path;
}
