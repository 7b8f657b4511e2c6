import type { LanguageInfo } from '@gozolite/contract/capabilities';
import { ofExtension } from '@gozolite/contract/extension';
import type { Recipe } from '@gozolite/contract/recipe';
import { type Detection, detect, type Probe } from './detect.js';
import { installCommands } from './file/install.js';
import { loadLanguages } from './load.js';
import { type Catalogue, catalogueOf, namesOf } from './names/catalogue.js';
import { nearestNames } from './names/nearest.js';
import { parseReference, type Reference } from './names/reference.js';
import type { LanguageProblem } from './parse.js';
import { recipeOf } from './recipe.js';
import { type LanguageFile, type Smoke, smokesOf } from './schema.js';

export type { Probe } from './detect.js';

export type Resolution =
  | { readonly kind: 'available'; readonly recipe: Recipe }
  | {
      readonly kind: 'missing';
      readonly language: string;
      readonly version: string | null;
      /** What was looked for in vain, and what to install. */
      readonly message: string;
      readonly source: string;
    }
  | { readonly kind: 'unknown'; readonly nearest: readonly string[] }
  | {
      readonly kind: 'unknown-version';
      readonly language: string;
      readonly known: readonly string[];
    };

/** The languages of the configured folders with the toolchains that this host has for them. */
export interface Registry {
  /** All known languages, sorted by id. Reads the cached detection; never runs anything. */
  list(): readonly LanguageInfo[];
  /** id[@version][+variant], or another name, in any case. */
  resolve(reference: string): Resolution;
  /** By file extension, for the CLI: '.py' -> 'python'. */
  byExtension(extension: string): string | undefined;
  /** Reads the folders again and detects all toolchains again, two at a time, through the probe. */
  refresh(): Promise<void>;
  /** The smoke programs of a language, for the conformance suite. */
  smokes(id: string): readonly Smoke[];
  /** Language files that were refused, each with its line. */
  problems(): readonly LanguageProblem[];
  /** Commands that install every missing toolchain: at most one of apt-get and one of npm. */
  install(): readonly string[];
}

export interface RegistryOptions {
  /** Later ones override earlier ones by id. */
  readonly folders: readonly string[];
  readonly probe: Probe;
  readonly exists: (path: string) => boolean;
  readonly log?: (event: object) => void;
}

/** Toolchains asked at once: each is a sandbox. */
const DETECTIONS_MAX = 2;

interface Known {
  readonly file: LanguageFile;
  readonly detection: Detection;
  readonly recipes: readonly Recipe[];
}

interface State {
  readonly catalogue: Catalogue;
  readonly known: ReadonlyMap<string, Known>;
}

export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  let state = await readState(options, new Map());
  let refreshing: Promise<void> | undefined;
  const all = () => [...state.known.values()];
  return {
    list: () => all().map(infoOf),
    resolve: (reference) => resolve(state, reference),
    byExtension: (extension) =>
      ofExtension(
        all().map(({ file }) => file),
        extension,
      )?.id,
    smokes(id) {
      const known = state.known.get(id);
      return known ? smokesOf(known.file) : [];
    },
    problems: () => state.catalogue.problems,
    install: () =>
      installCommands(all().flatMap(({ file, recipes }) => (recipes.length === 0 ? [file] : []))),
    refresh() {
      // Callers during a refresh wait for that one: it answers them all.
      refreshing ??= readState(options, state.known)
        .then((next) => {
          state = next;
        })
        .finally(() => {
          refreshing = undefined;
        });
      return refreshing;
    },
  };
}

async function readState(
  options: RegistryOptions,
  before: ReadonlyMap<string, Known>,
): Promise<State> {
  const log = options.log ?? (() => undefined);
  const catalogue = catalogueOf(await loadLanguages(options.folders));
  for (const problem of catalogue.problems) log({ event: 'language file refused', ...problem });
  const known = new Map<string, Known>();
  const waiting = catalogue.languages.values();
  const work = async () => {
    for (const file of waiting) {
      const detection = await detectOrKeep(file, options, before.get(file.id));
      const toolchains = detection.kind === 'found' ? detection.toolchains : [];
      const recipes = toolchains.map((toolchain) => recipeOf(file, toolchain));
      known.set(file.id, { file, detection, recipes });
      const versions = toolchains.map(({ version }) => version);
      log({ event: 'toolchain detected', language: file.id, kind: detection.kind, versions });
    }
  };
  await Promise.all(Array.from({ length: DETECTIONS_MAX }, work));
  const sorted = [...known].sort(([left], [right]) => (left < right ? -1 : 1));
  return { catalogue, known: new Map(sorted) };
}

/** A launcher that is away for a moment must not make a language disappear. */
async function detectOrKeep(
  file: LanguageFile,
  options: RegistryOptions,
  before: Known | undefined,
): Promise<Detection> {
  const detection = await detect(file, options);
  return detection.kind === 'not-asked' && before ? before.detection : detection;
}

function resolve(state: State, text: string): Resolution {
  const reference = parseReference(text, (name) => state.catalogue.names.has(name));
  const known = state.known.get(state.catalogue.names.get(reference.name) ?? '');
  if (!known) return { kind: 'unknown', nearest: nearestOf(state, reference.name) };
  const { file, recipes } = known;
  if (recipes.length === 0) {
    const message = missingMessage(known);
    const version = reference.version ?? null;
    return { kind: 'missing', language: file.id, version, message, source: file.source };
  }
  const recipe = recipes.find(({ version }) => isMeant(reference, version));
  if (recipe) return { kind: 'available', recipe };
  const versions = recipes.map(({ version }) => version);
  return { kind: 'unknown-version', language: file.id, known: versions };
}

/** `3` and `3.11` mean 3.11.2, `3.1` does not. No language has variants yet. */
function isMeant({ version: wanted, variant }: Reference, version: string): boolean {
  if (variant !== undefined) return false;
  return wanted === undefined || version === wanted || version.startsWith(`${wanted}.`);
}

/** One name a language, the one that is nearest. */
function nearestOf({ catalogue, known }: State, name: string): readonly string[] {
  const words = [...known.values()].flatMap(({ file }) => {
    const [nearest] = nearestNames(
      name,
      namesOf(file).filter((one) => !/^\d+$/.test(one)),
    );
    return nearest === undefined ? [] : [nearest];
  });
  return nearestNames(name, words).filter((word) => catalogue.names.has(word));
}

function missingMessage({ file, detection }: Known): string {
  const reason = detection.kind === 'found' ? 'no version of it works' : detection.reason;
  const commands = installCommands([file]).join(' && ');
  return `The toolchain of ${file.name} is missing: ${reason}. Install it with: ${commands}`;
}

function infoOf(known: Known): LanguageInfo {
  const { file, recipes } = known;
  const limits = {
    ...(file.run.limits && { run: file.run.limits }),
    ...(file.compile?.limits && { compile: file.compile.limits }),
  };
  return {
    id: file.id,
    name: file.name,
    version: recipes[0]?.version ?? null,
    versions: recipes.map(({ version, toolchain }) => ({
      version,
      variants: [],
      available: true,
      toolchain,
    })),
    aliases: namesOf(file).filter((name) => name !== file.id),
    extensions: file.extensions,
    available: recipes.length > 0,
    ...(recipes.length === 0 && {
      reason: 'TOOLCHAIN_MISSING',
      install: installCommands([file]).join(' && '),
    }),
    source: file.source,
    template: file.template,
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}
