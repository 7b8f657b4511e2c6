/** What is asked for, or in place, as a pack. Null is not known yet, or none. */
export interface PackId {
  readonly language: string;
  readonly version: string | null;
  readonly variant: string | null;
}

/** A pack that is in place: what readers of `installed/<name>.json` need of it. */
export interface InstalledPack extends PackId {
  /** `<language>@<version>`, with a variant `<language>@<version>+<variant>`. */
  readonly name: string;
  readonly version: string;
  /** SHA-256 (hex) of its tree's manifest, and the tree's name. */
  readonly digest: string;
}

/** `<language>[@<version>][+<variant>]`: what `gozo packs add` takes. */
export function packName({ language, version, variant }: PackId): string {
  return `${language}${version === null ? '' : `@${version}`}${variantSuffix(variant)}`;
}

export function variantSuffix(variant: string | null): string {
  return variant === null ? '' : `+${variant}`;
}

/** Whether the members are there, each of its kind; not whether the name is made of the others. */
export function isInstalledPack(value: unknown): value is InstalledPack {
  if (typeof value !== 'object' || value === null) return false;
  const pack: Partial<Record<keyof InstalledPack, unknown>> = value;
  const { name, language, version, variant, digest } = pack;
  const areTexts = [name, language, version].every((text) => typeof text === 'string');
  const isVariant = variant === null || typeof variant === 'string';
  return areTexts && isVariant && typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest);
}
