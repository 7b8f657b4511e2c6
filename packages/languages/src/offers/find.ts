import type { InstalledPack } from '@gozolite/contract/pack';
import { compareVersions, type Detection, detect } from '../detect.js';
import { packRecipesOf } from '../file/packs.js';
import { type DetectedToolchain, HOST, type Place, recipeOf } from '../recipe.js';
import type { LanguageFile, StageFile } from '../schema.js';
import { smokesOf } from '../smokes/smokes.js';
import type { CacheOf } from './cache.js';
import type { Offer, Packs } from './offer.js';
import type { Probe } from './probe.js';

export interface FindDeps {
  readonly probe: Probe;
  /** Whether a file of the host is there. */
  readonly exists: (path: string) => boolean;
  readonly packs?: Packs;
  /** False: the host's toolchains serve nobody. */
  readonly hostToolchains?: boolean;
  /** Absent: nothing is made ahead of the host's toolchains. */
  readonly cacheOf?: CacheOf;
  /** False: nothing of a language is started before its request. */
  readonly prepare?: boolean;
  /** False: each runtime is booted by itself, none starts from a template. */
  readonly templates?: boolean;
}

/** What was found of one language: detections by the root that was looked in. */
export interface Found {
  /** Best first: the default pack, the host's, other packs; then variants. */
  readonly offers: readonly Offer[];
  readonly detections: ReadonlyMap<string, Detection>;
}

/**
 * Looks for a language's toolchains, in its packs and on the host.
 * @param before a launcher that is away for a moment must not make a language disappear
 */
export async function find(
  whole: LanguageFile,
  deps: FindDeps,
  before: Found | undefined,
): Promise<Found> {
  const file = allowed(whole, deps);
  const installed = inOrder(file, deps.packs?.installed() ?? []);
  const detections = new Map<string, Detection>();
  const offers: Offer[] = [];
  for (const pack of placesOf(installed, deps.hostToolchains ?? true)) {
    const rootfs = pack?.digest ?? HOST.rootfs;
    const exists = pack === undefined ? deps.exists : inTree(deps, pack);
    const detection = await detect(file, { probe: deps.probe, exists, rootfs });
    const earlier = before?.detections.get(rootfs);
    const kept = detection.kind === 'not-asked' ? (earlier ?? detection) : detection;
    detections.set(rootfs, kept);
    for (const toolchain of kept.kind === 'found' ? kept.toolchains : []) {
      if (pack !== undefined) offers.push(offerOf(file, toolchain, pack));
      // The host's of a version that a better offer has is hidden: nobody could ask for it.
      else if (!offers.some(({ recipe }) => recipe.version === toolchain.version)) {
        offers.push(offerOf(file, withCache(file, toolchain, deps), undefined));
      }
    }
  }
  return { offers, detections };
}

function withCache(
  file: LanguageFile,
  toolchain: DetectedToolchain,
  { cacheOf }: FindDeps,
): DetectedToolchain {
  const cache = file.cache && cacheOf?.(file.cache, { language: file, toolchain });
  return cache === undefined ? toolchain : { ...toolchain, cache };
}

/** The language file with what of its preparation may be. */
function allowed(file: LanguageFile, { prepare, templates }: FindDeps): LanguageFile {
  const { compile, run } = file;
  const of = ({ prepare: whole, ...stage }: StageFile): StageFile => {
    if (prepare === false || whole === undefined) return stage;
    const { template, ...booted } = whole;
    const isKept = template && templates !== false;
    return { ...stage, prepare: isKept ? { ...booted, template } : booted };
  };
  return { ...file, ...(compile && { compile: of(compile) }), run: of(run) };
}

function offerOf(
  file: LanguageFile,
  toolchain: DetectedToolchain,
  pack: InstalledPack | undefined,
): Offer {
  const place: Place =
    pack === undefined
      ? HOST
      : {
          ...{ rootfs: pack.digest, digest: pack.digest },
          source: pack.name,
          variant: pack.variant,
        };
  const recipe = recipeOf(file, toolchain, place);
  const hello = smokesOf(file).find(({ name }) => name === 'hello');
  const claim = {
    language: file.id,
    recipe,
    ...(hello && { hello }),
    files: pack === undefined ? Object.values(toolchain.paths) : [],
  };
  return { recipe, claim, ...(pack && { pack }) };
}

const inTree =
  ({ packs }: FindDeps, { digest }: InstalledPack) =>
  (path: string): boolean =>
    packs?.exists(digest, path) ?? false;

/** Undefined is the host: it comes behind the default pack. */
function placesOf(installed: Ordered, hasHost: boolean): readonly (InstalledPack | undefined)[] {
  return [...installed.first, ...(hasHost ? [undefined] : []), ...installed.rest];
}

interface Ordered {
  /** The default pack, if it is in place. */
  readonly first: readonly InstalledPack[];
  readonly rest: readonly InstalledPack[];
}

/** As the language file lists them; those that it does not know come last, the newest first. */
function inOrder(file: LanguageFile, all: readonly InstalledPack[]): Ordered {
  const known = packRecipesOf(file);
  const rank = ({ version, variant }: InstalledPack) => {
    const at = known.findIndex((each) => each.version === version && each.variant === variant);
    return at < 0 ? known.length : at;
  };
  const sorted = all
    .filter(({ language }) => language === file.id)
    .sort(
      (one, other) =>
        Number(one.variant !== null) - Number(other.variant !== null) ||
        rank(one) - rank(other) ||
        compareVersions(other.version, one.version),
    );
  const [best] = sorted;
  // Without a list the version is what the toolchain tells: then the newest is the default.
  const wanted = known[0]?.version ?? best?.version;
  const isDefault = best !== undefined && best.variant === null && best.version === wanted;
  return isDefault ? { first: [best], rest: sorted.slice(1) } : { first: [], rest: sorted };
}
