import type { LanguageInfo } from '@gozolite/contract/capabilities';
import { installCommands } from '../file/install.js';
import { isBuildable, packRecipesOf } from '../file/packs.js';
import { namesOf } from '../names/catalogue.js';
import type { LanguageFile } from '../schema.js';
import { type Allowed, beginsWith, choose } from './choose.js';
import type { Found } from './find.js';
import { type Offer, type ProofOf, packNameOf, reasonOf } from './offer.js';

type VersionInfo = LanguageInfo['versions'][number];

/** A language as GET /capabilities tells it. */
export function infoOf(
  known: { readonly file: LanguageFile; readonly found: Found },
  rules: { readonly proofOf: ProofOf; readonly allowed: Allowed },
): LanguageInfo {
  const { file, found } = known;
  const choice = choose(known, { name: file.id }, rules);
  const standard = choice.kind === 'offer' ? choice.offer : undefined;
  const reason =
    standard === undefined ? 'TOOLCHAIN_MISSING' : reasonOf(rules.proofOf(standard.claim));
  const limits = {
    ...(file.run.limits && { run: file.run.limits }),
    ...(file.compile?.limits && { compile: file.compile.limits }),
  };
  return {
    id: file.id,
    name: file.name,
    version: standard?.recipe.version ?? null,
    versions: [...versionsHere(found, rules.proofOf), ...versionsToAdd(file, found, rules.allowed)],
    aliases: namesOf(file).filter((name) => name !== file.id),
    extensions: file.extensions,
    available: reason === undefined,
    ...(reason !== undefined && { reason }),
    ...(standard === undefined && { install: installOf(file, rules.allowed) }),
    source: file.source,
    template: file.template,
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

function installOf(file: LanguageFile, { hostToolchains }: Allowed): string {
  const [pack] = packRecipesOf(file).filter(isBuildable);
  if (hostToolchains || pack === undefined) return installCommands([file]).join(' && ');
  return `gozo packs add ${packNameOf(file, pack)}`;
}

/** One row a toolchain; the variants of a pack stand in its row. */
function versionsHere({ offers }: Found, proofOf: ProofOf): readonly VersionInfo[] {
  const plain = offers.filter(({ pack }) => (pack?.variant ?? null) === null);
  const rows = plain.map((offer) => {
    const reason = reasonOf(proofOf(offer.claim));
    return {
      version: offer.recipe.version,
      variants: variantsOf(offer, offers, proofOf),
      available: reason === undefined,
      ...(reason !== undefined && { reason }),
      toolchain: offer.recipe.toolchain,
    };
  });
  return [...rows, ...variantsAlone(offers, plain, proofOf)];
}

function variantsOf({ pack }: Offer, offers: readonly Offer[], proofOf: ProofOf): string[] {
  if (pack === undefined) return [];
  return offers.flatMap(({ pack: other, claim }) => {
    const isOne = other?.version === pack.version && other.variant !== null;
    return isOne && proofOf(claim).kind === 'passed' ? [other.variant] : [];
  });
}

/** A variant in place without the pack that it is one of. */
function variantsAlone(
  offers: readonly Offer[],
  plain: readonly Offer[],
  proofOf: ProofOf,
): readonly VersionInfo[] {
  const versions = new Set(
    offers.flatMap(({ pack }) => {
      const isAlone = !plain.some((other) => other.pack?.version === pack?.version);
      return pack !== undefined && pack.variant !== null && isAlone ? [pack.version] : [];
    }),
  );
  return [...versions].map((version) => ({
    version,
    variants: offers.flatMap(({ pack, claim }) =>
      pack?.version === version && pack.variant !== null && proofOf(claim).kind === 'passed'
        ? [pack.variant]
        : [],
    ),
    available: false,
    reason: 'TOOLCHAIN_MISSING',
    toolchain: null,
  }));
}

/** Versions that the file has a pack of, where none that begins so is here. */
function versionsToAdd(
  file: LanguageFile,
  { offers }: Found,
  { packs }: Allowed,
): readonly VersionInfo[] {
  if (!packs) return [];
  return packRecipesOf(file).flatMap(({ version, variant }) => {
    if (version === null || variant !== null) return [];
    const isHere = offers.some(
      ({ recipe, pack }) => pack?.version === version || beginsWith(recipe.version, version),
    );
    const row = { version, variants: [], available: false, reason: 'TOOLCHAIN_MISSING' };
    return isHere ? [] : [{ ...row, toolchain: null }];
  });
}
