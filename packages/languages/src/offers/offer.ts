import { type InstalledPack, packName, variantSuffix } from '@gozolite/contract/pack';
import type { Recipe } from '@gozolite/contract/recipe';
import type { PackRecipe } from '../file/packs.js';
import type { LanguageFile } from '../schema.js';
import type { Smoke } from '../smokes/smokes.js';

/** The packs that are in place; absent where none are served. */
export interface Packs {
  readonly installed: () => readonly InstalledPack[];
  /** Whether a file is in a tree, by the path that a sandbox has for it. */
  readonly exists: (digest: string, path: string) => boolean;
}

/** A toolchain that works, and how it can be asked for. */
export interface Offer {
  readonly recipe: Recipe;
  /** The pack that it comes from; the host's, where it is absent. */
  readonly pack?: InstalledPack;
  readonly claim: Claim;
}

/** What has to be proven before a toolchain is advertised. */
export interface Claim {
  readonly language: string;
  readonly recipe: Recipe;
  /** Its first program; absent where it can't have one: then there is nothing to prove. */
  readonly hello?: Smoke;
  /** Of the host: files whose change makes another toolchain of it. */
  readonly files: readonly string[];
}

/** Whether the first program of a toolchain did what it must, on this host. */
export type Proof =
  | { readonly kind: 'passed' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'failed'; readonly reason: string };

export type ProofOf = (claim: Claim) => Proof;

/** Codes of `reason` in GET /capabilities. */
export type UnavailableReason = 'TOOLCHAIN_MISSING' | 'SMOKE_PENDING' | 'SMOKE_FAILED';

export function reasonOf({ kind }: Proof): UnavailableReason | undefined {
  if (kind === 'passed') return undefined;
  return kind === 'pending' ? 'SMOKE_PENDING' : 'SMOKE_FAILED';
}

/** What `gozo packs add` takes for it. */
export function packNameOf({ id }: LanguageFile, { version, variant }: PackRecipe): string {
  return packName({ language: id, version, variant });
}

/** The name behind the language's: what an asker can write for it. */
export function versionNameOf({ recipe, pack }: Offer): string {
  if (pack === undefined) return recipe.version;
  return `${pack.version}${variantSuffix(pack.variant)}`;
}
