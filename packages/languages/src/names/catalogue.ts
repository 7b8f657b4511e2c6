import type { LoadedLanguages } from '../load.js';
import type { LanguageProblem } from '../parse.js';
import type { LanguageFile } from '../schema.js';

/** The languages that are known, each name belonging to one of them. */
export interface Catalogue {
  /** Sorted by id. */
  readonly languages: readonly LanguageFile[];
  /** Ids, aliases, Piston's and Judge0's names, in lower case, each with its id. */
  readonly names: ReadonlyMap<string, string>;
  readonly problems: readonly LanguageProblem[];
}

/**
 * A file of a later folder replaces the one with the same id. A file that claims a name which
 * belongs to another language is refused whole, and the problem names both.
 */
export function catalogueOf({ languages, problems }: LoadedLanguages): Catalogue {
  const chosen = new Map(languages.map((language) => [language.file.id, language]));
  const owners = new Map<string, { readonly id: string; readonly path: string }>();
  const kept: LanguageFile[] = [];
  const found = [...problems];
  for (const { file, path } of inOrderOfClaims(languages, chosen)) {
    const taken = namesOf(file).find((name) => owners.has(name));
    const owner = taken === undefined ? undefined : owners.get(taken);
    if (owner) {
      const message = `the name ${taken} belongs to ${owner.id} already (${owner.path})`;
      found.push({ file: path, line: 0, message });
      continue;
    }
    for (const name of namesOf(file)) owners.set(name, { id: file.id, path });
    kept.push(file);
  }
  return {
    languages: kept.sort((left, right) => (left.id < right.id ? -1 : 1)),
    names: new Map([...owners].map(([name, { id }]) => [name, id])),
    problems: found,
  };
}

/** As loaded: an earlier folder's claim is the older one. */
function inOrderOfClaims(
  languages: LoadedLanguages['languages'],
  chosen: ReadonlyMap<string, LoadedLanguages['languages'][number]>,
): LoadedLanguages['languages'] {
  return languages.filter((language) => chosen.get(language.file.id) === language);
}

/** Every name of a language once, in lower case. */
export function namesOf({ id, aliases, piston, judge0 }: LanguageFile): readonly string[] {
  const all = [id, ...aliases, ...(piston ?? []), ...(judge0 ?? []).map(String)];
  return [...new Set(all.map((name) => name.toLowerCase()))];
}
