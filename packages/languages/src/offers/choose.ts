import { installCommands } from '../file/install.js';
import { isBuildable, type PackRecipe, packRecipesOf } from '../file/packs.js';
import type { Reference } from '../names/reference.js';
import { HOST } from '../recipe.js';
import type { LanguageFile } from '../schema.js';
import type { Found } from './find.js';
import { type Offer, type ProofOf, packNameOf, versionNameOf } from './offer.js';

/** How much of what could serve is allowed to here. */
export interface Allowed {
  readonly packs: boolean;
  readonly hostToolchains: boolean;
}

export type Choice =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'unknown-version'; readonly known: readonly string[] };

/** What a reference to this language means here. */
export function choose(
  { file, found }: { readonly file: LanguageFile; readonly found: Found },
  reference: Reference,
  { proofOf, allowed }: { readonly proofOf: ProofOf; readonly allowed: Allowed },
): Choice {
  const fitting = fittingOf(found.offers, reference);
  // One whose own first program fails gives way to one that works; alone, it runs as it can.
  const offer = fitting.find(({ claim }) => proofOf(claim).kind !== 'failed') ?? fitting[0];
  if (offer !== undefined) return { kind: 'offer', offer };
  const addable = packRecipesOf(file).find((pack) => isMeantBy(pack, reference));
  // Without a list any version may be one that the host could have.
  const isOpen = packRecipesOf(file)[0]?.version === null && reference.variant === undefined;
  const isBare = !found.offers.some(({ pack }) => (pack?.variant ?? null) === null);
  if (addable !== undefined || (isOpen && isBare)) {
    return { kind: 'missing', message: missingMessage(file, found, { addable, allowed }) };
  }
  return { kind: 'unknown-version', known: knownNames(file, found) };
}

/** The pack of exactly this version first: `3.11` is a name as well as a beginning. */
function fittingOf(offers: readonly Offer[], { version, variant }: Reference): readonly Offer[] {
  const ofVariant = offers.filter(({ pack }) => (pack?.variant ?? null) === (variant ?? null));
  if (version === undefined) return ofVariant;
  const exact = ofVariant.filter(({ pack }) => pack?.version === version);
  const others = ofVariant.filter(
    (offer) => !exact.includes(offer) && beginsWith(offer.recipe.version, version),
  );
  return [...exact, ...others];
}

/** `3` and `3.11` mean 3.11.2, `3.1` does not. */
export function beginsWith(version: string, wanted: string): boolean {
  return version === wanted || version.startsWith(`${wanted}.`);
}

function isMeantBy(pack: PackRecipe, { version, variant }: Reference): boolean {
  if (pack.variant !== (variant ?? null)) return false;
  if (version === undefined) return true;
  return pack.version !== null && beginsWith(pack.version, version);
}

function knownNames(file: LanguageFile, { offers }: Found): readonly string[] {
  const here = offers.map(versionNameOf);
  const addable = packRecipesOf(file).flatMap((pack) =>
    pack.version === null ? [] : [packNameOf(file, pack).slice(file.id.length + 1)],
  );
  return [...new Set(here.length > 0 ? here : addable)];
}

function missingMessage(
  file: LanguageFile,
  found: Found,
  { addable, allowed }: { readonly addable: PackRecipe | undefined; readonly allowed: Allowed },
): string {
  const head = `The toolchain of ${file.name} is missing`;
  const [standard] = packRecipesOf(file).map((pack) => packNameOf(file, pack));
  const name = addable === undefined ? standard : packNameOf(file, addable);
  const add = `gozo packs add ${name}`;
  if (!allowed.hostToolchains) {
    const why = "the host's do not serve here (GOZO_HOST_TOOLCHAINS=false)";
    const hasPack = packRecipesOf(file).some(isBuildable);
    return hasPack ? `${head}: ${why}. Add its pack: ${add}` : `${head}: ${why}. It has no pack`;
  }
  if (name !== standard) return `${head}: this pack of it is not in place. Add it: ${add}`;
  const detection = found.detections.get(HOST.rootfs);
  const reason =
    detection === undefined || detection.kind === 'found'
      ? 'no version of it works'
      : detection.reason;
  const install = installCommands([file]).join(' && ');
  const ways = [
    ...(install === '' ? [] : [`Install it with: ${install}`]),
    ...(allowed.packs && packRecipesOf(file).some(isBuildable) ? [`add its pack: ${add}`] : []),
  ];
  const [how = 'No package of the registries has it', ...others] = ways;
  return `${head}: ${reason}. ${[firstUpper(how), ...others].join(', or ')}`;
}

function firstUpper(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
