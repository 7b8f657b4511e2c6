import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { type LanguageProblem, languageValidator, parseLanguage, type Validator } from './parse.js';
import type { LanguageFile } from './schema.js';
import { digestOf, readParsed } from './shipped/parsed.js';

export interface LoadedLanguage {
  readonly path: string;
  readonly file: LanguageFile;
}

export interface LoadedLanguages {
  /** In the order of the folders, each sorted by file name. */
  readonly languages: readonly LoadedLanguage[];
  readonly problems: readonly LanguageProblem[];
}

/** Reads every `*.yaml` of the folders. A bad file is a problem of its own and stops no other. */
export async function loadLanguages(folders: readonly string[]): Promise<LoadedLanguages> {
  let compiled: Validator | undefined;
  const validator = (): Validator => {
    compiled ??= languageValidator();
    return compiled;
  };
  const languages: LoadedLanguage[] = [];
  const problems: LanguageProblem[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch((error: Error) => {
      const message = `the folder can't be read: ${error.message}`;
      problems.push({ file: folder, line: 0, message });
      return [];
    });
    const known = names.length === 0 ? {} : await readParsed(folder);
    for (const name of names.filter((one) => /\.ya?ml$/.test(one)).sort()) {
      const path = join(folder, name);
      const parsed = await readLanguage(path, (text) => {
        const before = known[digestOf(text)];
        return before === undefined ? parseLanguage(text, path, validator()) : ok(before);
      });
      if (parsed.ok) languages.push({ path, file: parsed.value });
      else problems.push(...parsed.error);
    }
  }
  return { languages, problems };
}

async function readLanguage(
  path: string,
  parse: (text: string) => Result<LanguageFile, LanguageProblem[]>,
): Promise<Result<LanguageFile, LanguageProblem[]>> {
  const content = await readFile(path, 'utf8').catch((error: Error) => error);
  if (typeof content === 'string') return parse(content);
  return refuse([{ file: path, line: 0, message: `can't be read: ${content.message}` }]);
}
