import { createHash } from 'node:crypto';
import type { Boot, LaunchRecipe, Load, Recipe, StageRecipe } from '@gozolite/contract/recipe';
import { placeholdersOf, spliceOf, substitute } from './file/template.js';
import type { LanguageFile, PrepareFile, StageFile } from './schema.js';

/** What every program finds in its environment; the launcher adds nothing. */
export const SANDBOX_ENV = {
  HOME: '/tmp',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  LOGNAME: 'sandbox',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  TMPDIR: '/tmp',
  TZ: 'UTC',
  USER: 'sandbox',
} as const;

/** Where a toolchain was found. */
export interface DetectedToolchain {
  readonly version: string;
  /** The names of the candidate with their paths, `tool` among them. */
  readonly paths: Readonly<Record<string, string>>;
  /** What was built of it to boot it with (file/build.ts). */
  readonly built?: Built;
  /** Where sandboxes find what is made of it once, where it is or will be. */
  readonly cache?: string;
}

/** Absent is what there is nothing to build of, or what could not be built. */
export type Built = Readonly<Partial<Record<'compile' | 'run', string>>>;

/** A root that toolchains are found in: the host's, or a pack's. */
export interface Place {
  /** What the launcher calls it. */
  readonly rootfs: string;
  /** What records call it. */
  readonly source: string;
  readonly digest?: string;
  /** Of a pack. */
  readonly variant?: string | null;
}

export const HOST: Place = { rootfs: 'host', source: 'host' };

/** Resolves a language file for one toolchain. */
export function recipeOf(file: LanguageFile, detected: DetectedToolchain, place: Place): Recipe {
  const { version } = detected;
  const { source, digest } = place;
  const stage = (what: StageFile, name: 'compile' | 'run') =>
    stageOf(file, what, { paths: namesOf(file, detected), place, built: detected.built?.[name] });
  return {
    language: file.id,
    version,
    toolchain: { source, version, ...(digest !== undefined && { digest }) },
    source: file.source,
    ...(file.compile && { compile: stage(file.compile, 'compile') }),
    run: stage(file.run, 'run'),
    ...(file.diagnostics && { diagnostics: file.diagnostics }),
  };
}

/** What is known of a toolchain before any request. */
function namesOf({ cache }: LanguageFile, detected: DetectedToolchain): DetectedToolchain['paths'] {
  return cache === undefined ? detected.paths : { ...detected.paths, cache: detected.cache ?? '' };
}

/** The environment in which a version command runs: what no request decides. */
export function probeEnv(
  env: Readonly<Record<string, string>>,
  paths: Readonly<Record<string, string>>,
): Record<string, string> {
  return fixedOf(fixEnv({ ...SANDBOX_ENV, ...env }, paths));
}

/** Replaces the names that are known before any request. */
export function fix(
  template: string,
  paths: Readonly<Record<string, string>>,
  script?: string,
): string {
  return substitute(template, ({ name }) =>
    name === 'script' && script !== undefined ? script : paths[name],
  );
}

interface Ground {
  readonly paths: Readonly<Record<string, string>>;
  readonly place: Place;
  readonly built: string | undefined;
}

function stageOf(
  file: LanguageFile,
  stage: StageFile,
  { paths, place, built }: Ground,
): StageRecipe {
  const isOpen = (template: string) => isRequestTime(template, paths);
  const firstOpen = stage.command.findIndex(isOpen);
  const cut = firstOpen < 0 ? stage.command.length : firstOpen;
  const vector = stage.command.map((element) => fix(element, paths, stage.script));
  const env = fixEnv({ ...SANDBOX_ENV, ...file.env, ...stage.env }, paths);
  const fixed = fixedOf(env);
  const command = vector.slice(0, cut);
  const { prepare, holds } = stage;
  const canBoot = prepare !== undefined && (prepare.build === undefined || built !== undefined);
  const rest = vector.slice(cut);
  const fitted = canBoot && bootOf(fixBoot(prepare, paths, built), { command, env: fixed }, rest);
  const boot = fitted || (holds && heldOf(holds, { command, env: fixed }, rest));
  const launch = { rootfs: place.rootfs, command, env: fixed, ...(boot && { boot }) };
  const loads = fitted && prepare ? loadsOf(prepare, place, { ...launch, boot: fitted }) : [];
  return {
    launch: launchOf(launch),
    ...(loads.length > 0 && { loads }),
    args: rest,
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !(name in fixed))),
    limits: stage.limits ?? {},
  };
}

/** Where a boot file lies until it has removed itself. */
const BOOT_FOLDER = '/work/.gozo-boot';

function fixBoot(
  prepare: PrepareFile,
  paths: Readonly<Record<string, string>>,
  built: string | undefined,
): PrepareFile {
  const { before = [], program } = prepare;
  return {
    ...prepare,
    before: before.map((element) => fix(element, paths)),
    program: built === undefined ? program : fix(program, { ...paths, built }),
  };
}

/** What every program's C library reads as it starts. */
const LOADERS_ENV = ['GLIBC_TUNABLES', 'LD_*', 'MALLOC_*'] as const;

function bootOf(
  {
    file,
    before = [],
    args = [],
    env = {},
    opens,
    keeps_env = [],
    keeps_args,
    says_ready,
    program,
    blank,
    template,
  }: PrepareFile,
  launch: Pick<LaunchRecipe, 'command' | 'env'>,
  rest: readonly string[],
): Boot {
  const fill = (text: string) => text.replaceAll('{boot}', BOOT_FOLDER);
  const [tool = '', ...fixed] = launch.command;
  return {
    command: [...before.map(fill), tool, ...args.map(fill), ...fixed],
    args: argsBefore(rest),
    ...(opens && { opens: rest.indexOf('{entry}') }),
    keeps_env: keeps_env === true ? ['*'] : [...LOADERS_ENV, ...keeps_env],
    ...(keeps_args && { keeps_args }),
    ...(says_ready && { says_ready }),
    ...(blank !== undefined && { blank }),
    env: {
      ...launch.env,
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
    },
    ...(template && { template }),
    name: file,
    program,
  };
}

/** How many arguments come before those of the request itself. */
function argsBefore(rest: readonly string[]): number {
  const splice = rest.findIndex((element) => spliceOf(element) !== undefined);
  return splice < 0 ? rest.length : splice;
}

/** A runtime that knows nothing of it: what it was started with is all that it gets. */
function heldOf(
  holds: NonNullable<Boot['holds']>,
  { command, env }: Pick<LaunchRecipe, 'command' | 'env'>,
  rest: readonly string[],
): Boot {
  const own = rest.filter((element) => spliceOf(element) === undefined);
  const opens = own.findIndex((element) => element.includes('{entry}'));
  return { command, args: own.length, ...(opens >= 0 && { opens }), keeps_env: ['*'], env, holds };
}

/** What is booted with libraries that this place has. */
function loadsOf(
  { loads = [] }: PrepareFile,
  place: Place,
  launch: Omit<LaunchRecipe, 'digest'> & { readonly boot: Boot },
): readonly Load[] {
  const here = loads.filter(({ variant }) => variant === undefined || variant === place.variant);
  return here.map(({ lines, program }) => {
    const boot = { ...launch.boot, program: `${program}\n${launch.boot.program}` };
    return { lines, launch: launchOf({ ...launch, boot }) };
  });
}

function fixEnv(
  env: Readonly<Record<string, string>>,
  paths: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fix(value, paths)]));
}

/** Judged on the template, not on what it became: a script may hold braces of its own. */
function isRequestTime(template: string, paths: Readonly<Record<string, string>>): boolean {
  return placeholdersOf(template).some(({ name }) => name !== 'script' && !(name in paths));
}

function fixedOf(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([, value]) => placeholdersOf(value).length === 0),
  );
}

/** With the digest of what it says. */
export function launchOf(recipe: Omit<LaunchRecipe, 'digest'>): LaunchRecipe {
  return { ...recipe, digest: createHash('sha256').update(canonicalJson(recipe)).digest('hex') };
}

/** JSON with sorted keys and no blanks, so that equal recipes have equal digests. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
