import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type LoadedLanguage, type LoadedLanguages, loadLanguages } from '@gozolite/languages/load';
import { catalogueOf } from '@gozolite/languages/names/catalogue';
import { type LanguageProblem, languageValidator, parseLanguage } from '@gozolite/languages/parse';
import type { LanguageFile } from '@gozolite/languages/schema';
import { UsageError } from '../usage-error.js';

/** One language file that is to be checked. */
export interface Target {
  readonly path: string;
  /** By its path, not as a language that is known. */
  readonly isNamedFile: boolean;
  /** Of the file's bytes, hex. */
  readonly sha256: string;
  /** Absent where the file is wrong. */
  readonly file: LanguageFile | undefined;
  readonly problems: readonly LanguageProblem[];
}

/**
 * Reads and lints what was named: paths of files (with a `/` or an ending), or names of languages
 * of `folder`; none: all of that folder.
 */
export async function readTargets(folder: string, named: readonly string[]): Promise<Target[]> {
  const shipped = await loadLanguages([folder]);
  const paths = named.length === 0 ? allPaths(shipped) : named.map((name) => pathOf(shipped, name));
  const isNamedFile = (path: string) => named.includes(path);
  const validator = languageValidator();
  const read = [...new Set(paths)].map((path): Target => {
    const content = contentOf(path);
    const parsed = parseLanguage(content, path, validator);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const target = { path, isNamedFile: isNamedFile(path), sha256 };
    return parsed.ok
      ? { ...target, file: parsed.value, problems: [] }
      : { ...target, file: undefined, problems: parsed.error };
  });
  return withClaims(shipped, read);
}

function allPaths({ languages, problems }: LoadedLanguages): readonly string[] {
  const wrong = problems.map(({ file }) => file).filter((file) => /\.ya?ml$/.test(file));
  return [...languages.map(({ path }) => path), ...wrong].sort();
}

function pathOf(shipped: LoadedLanguages, name: string): string {
  if (/\/|\.ya?ml$/.test(name)) return name;
  const id = catalogueOf(shipped).names.get(name.toLowerCase());
  const path = shipped.languages.find(({ file }) => file.id === id)?.path;
  if (path !== undefined) return path;
  throw new UsageError(
    `there is no language ${name}; a file is named with its ending, ${name}.yaml`,
  );
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${path} can't be read: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** A name that belongs to another language is a problem as well. */
function withClaims(shipped: LoadedLanguages, targets: readonly Target[]): Target[] {
  const own = targets.flatMap(({ path, file }): LoadedLanguage[] => (file ? [{ path, file }] : []));
  const isNamed = (path: string) => own.some((each) => each.path === path);
  const others = shipped.languages.filter(({ path }) => !isNamed(path));
  const { problems } = catalogueOf({ languages: [...others, ...own], problems: [] });
  return targets.map((target) => {
    const claims = problems.filter(({ file }) => file === target.path);
    if (claims.length === 0) return target;
    return { ...target, file: undefined, problems: [...target.problems, ...claims] };
  });
}
