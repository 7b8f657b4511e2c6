import { type PackId, packName } from '@gozolite/contract/pack';
import { isBuildable, packRecipesOf } from '@gozolite/languages/file/packs';
import { loadLanguages } from '@gozolite/languages/load';
import { type Catalogue, catalogueOf } from '@gozolite/languages/names/catalogue';
import { nearestNames } from '@gozolite/languages/names/nearest';
import { parseReference } from '@gozolite/languages/names/reference';
import { beginsWith } from '@gozolite/languages/offers/choose';
import type { LanguageFile } from '@gozolite/languages/schema';
import type { Order } from './build/build-pack.js';
import type { InstalledPack } from './installed.js';
import { UnknownPackError } from './pack-error.js';

/** What the command line asks for. */
export interface Wanted {
  /** `language[@version][+variant]`; any name of the language. */
  readonly names: readonly string[];
  readonly isAll: boolean;
  readonly sets: readonly string[];
}

export async function readCatalogue(folders: readonly string[]): Promise<Catalogue> {
  return catalogueOf(await loadLanguages(folders));
}

/** Every pack that is asked for once; an unknown name ends it before anything is built. */
export function ordersFor({ languages, names }: Catalogue, wanted: Wanted): readonly Order[] {
  const orders = wanted.isAll ? languages.flatMap(ordersOf) : [];
  for (const set of wanted.sets) {
    const chosen = languages.filter(({ sets = [] }) => sets.some((each) => each === set));
    if (chosen.length === 0) throw new UnknownPackError(`no language belongs to the set ${set}`);
    orders.push(...chosen.flatMap((file) => ordersOf(file).slice(0, 1)));
  }
  for (const text of wanted.names) {
    const reference = parseReference(text, (name) => names.has(name));
    const file = languages.find(({ id }) => id === names.get(reference.name));
    if (file === undefined) {
      const near = nearestNames(reference.name, [...names.keys()]);
      const hint = near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
      throw new UnknownPackError(`there is no language ${reference.name}${hint}`);
    }
    orders.push(orderFor(file, reference.version, reference.variant));
  }
  return orders.filter((order, index) => orders.findIndex((one) => isSame(one, order)) === index);
}

/** The packs that a language file knows, the default one first. */
export function ordersOf(file: LanguageFile): readonly Order[] {
  return packRecipesOf(file)
    .filter(isBuildable)
    .map((recipe) => ({ file, recipe }));
}

function orderFor(file: LanguageFile, version?: string, variant?: string): Order {
  const all = ordersOf(file);
  if (all.length === 0) throw new UnknownPackError(`${file.id} can't be installed as a pack`);
  const first = all[0]?.recipe.version ?? null;
  const isMeant = ({ recipe }: Order) =>
    recipe.variant === (variant ?? null) &&
    // Without a version of its own, the file has one pack, whatever its version will be.
    (recipe.version === null || recipe.version === (version ?? first));
  const order = all.find(isMeant);
  if (order !== undefined) {
    const isOpen = order.recipe.version === null && version !== undefined;
    return isOpen ? { ...order, asked: version } : order;
  }
  const known = all.map(nameOfOrder).join(', ');
  const asked = nameAsked(file.id, { version, variant });
  throw new UnknownPackError(`there is no pack ${asked}; there are ${known}`);
}

function isSame(one: Order, other: Order): boolean {
  return nameOfOrder(one) === nameOfOrder(other) && one.asked === other.asked;
}

/** The pack's name as far as it is known before it is built. */
export function nameOfOrder({ file, recipe: { version, variant } }: Order): string {
  return packName({ language: file.id, version, variant });
}

type Asked = Record<Exclude<keyof PackId, 'language'>, string | undefined>;

function nameAsked(language: string, { version, variant }: Asked): string {
  return packName({ language, version: version ?? null, variant: variant ?? null });
}

/** The installed pack that an order would make again. */
export function installedFor(
  installed: readonly InstalledPack[],
  { file, recipe, asked }: Order,
): InstalledPack | undefined {
  return installed.find(
    ({ language, version, variant }) =>
      language === file.id &&
      variant === recipe.variant &&
      (recipe.version === null || version === recipe.version) &&
      (asked === undefined || beginsWith(version, asked)),
  );
}

/** With the language's own id in the place of any of its names: node@24 is javascript@24. */
export function canonicalNames({ names }: Catalogue, texts: readonly string[]): readonly string[] {
  return texts.map((text) => {
    const { name, version, variant } = parseReference(text, (each) => names.has(each));
    return nameAsked(names.get(name) ?? name, { version, variant });
  });
}

/** Installed packs by name; where the version is left out, all of the language's. */
export function chooseInstalled(
  installed: readonly InstalledPack[],
  names: readonly string[],
): readonly InstalledPack[] {
  const chosen = names.flatMap((text) => {
    const [rest = '', variant] = text.toLowerCase().split('+');
    const [language, version] = rest.split('@');
    const found = installed.filter(
      (pack) =>
        pack.name === text.toLowerCase() ||
        (pack.language === language &&
          version === undefined &&
          (variant === undefined || pack.variant === variant)),
    );
    if (found.length > 0) return found;
    const known = installed.map(({ name }) => name).join(', ');
    throw new UnknownPackError(
      `the pack ${text} is not installed; ${known === '' ? 'none is' : `installed are ${known}`}`,
    );
  });
  return [...new Set(chosen)];
}
