import type { LanguageInfo } from '@gozolite/contract/capabilities';
import type { Recipe } from '@gozolite/contract/recipe';
import { installCommands } from './file/install.js';
import { loadLanguages } from './load.js';
import { type Catalogue, catalogueOf, namesOf } from './names/catalogue.js';
import { ofExtension } from './names/extension.js';
import { nearestNames } from './names/nearest.js';
import { parseReference } from './names/reference.js';
import { type Allowed, choose } from './offers/choose.js';
import { type FindDeps, type Found, find } from './offers/find.js';
import { infoOf } from './offers/info.js';
import type { Claim, ProofOf } from './offers/offer.js';
import type { LanguageProblem } from './parse.js';
import type { LanguageFile } from './schema.js';
import { type Smoke, smokesOf } from './smokes/smokes.js';

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
  /** What has to be proven of the toolchains that were found. */
  claims(): readonly Claim[];
  /**
   * Reads the folders again and detects all toolchains again, two at a time, through the probe.
   * What changes while it looks is seen by the call that comes after.
   */
  refresh(): Promise<void>;
  /** The smoke programs of a language, for the conformance suite. */
  smokes(id: string): readonly Smoke[];
  /** Language files that were refused, each with its line. */
  problems(): readonly LanguageProblem[];
  /** Commands that install every missing toolchain: at most one of apt-get and one of npm. */
  install(): readonly string[];
}

export interface RegistryOptions extends FindDeps {
  /** Later ones override earlier ones by id. */
  readonly folders: readonly string[];
  /** What is known of a toolchain's first program; absent: every one counts as passed. */
  readonly proofOf?: ProofOf;
  readonly log?: (event: object) => void;
}

/** Toolchains asked at once: each is a sandbox. */
const DETECTIONS_MAX = 2;

interface Known {
  readonly file: LanguageFile;
  readonly found: Found;
}

interface State {
  readonly catalogue: Catalogue;
  readonly known: ReadonlyMap<string, Known>;
}

export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  let state = await readState(options, new Map());
  let refreshing: Promise<void> | undefined;
  const all = () => [...state.known.values()];
  const allowed = {
    packs: options.packs !== undefined,
    hostToolchains: options.hostToolchains ?? true,
  };
  const rules = { proofOf: options.proofOf ?? (() => ({ kind: 'passed' })), allowed };
  return {
    list: () => all().map((known) => infoOf(known, rules)),
    resolve: (reference) => resolve(state, reference, rules),
    claims: () =>
      all()
        .sort((one, other) => rankOf(one.file) - rankOf(other.file))
        .flatMap(({ found }) => found.offers.map(({ claim }) => claim)),
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
      installCommands(
        all().flatMap(({ file, found }) => (found.offers.length === 0 ? [file] : [])),
      ),
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

/** Those of the smaller sets are asked for by most: they are proven first. */
function rankOf({ sets = [] }: LanguageFile): number {
  if (sets.includes('minimal')) return 0;
  return sets.includes('judge') ? 1 : 2;
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
      const found = await find(file, options, before.get(file.id)?.found);
      known.set(file.id, { file, found });
      const kinds = [...found.detections.values()].map(({ kind }) => kind);
      const versions = found.offers.map(({ recipe }) => recipe.version);
      log({ event: 'toolchain detected', language: file.id, kinds, versions });
    }
  };
  await Promise.all(Array.from({ length: DETECTIONS_MAX }, work));
  const sorted = [...known].sort(([left], [right]) => (left < right ? -1 : 1));
  return { catalogue, known: new Map(sorted) };
}

function resolve(
  state: State,
  text: string,
  rules: { readonly proofOf: ProofOf; readonly allowed: Allowed },
): Resolution {
  const reference = parseReference(text, (name) => state.catalogue.names.has(name));
  const known = state.known.get(state.catalogue.names.get(reference.name) ?? '');
  if (!known) return { kind: 'unknown', nearest: nearestOf(state, reference.name) };
  const { id: language, source } = known.file;
  const choice = choose(known, reference, rules);
  switch (choice.kind) {
    case 'offer':
      return { kind: 'available', recipe: choice.offer.recipe };
    case 'missing': {
      const version = reference.version ?? null;
      return { kind: 'missing', language, version, message: choice.message, source };
    }
    case 'unknown-version':
      return { ...choice, language };
  }
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
