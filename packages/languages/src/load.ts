import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Result, refuse } from '@gozolite/contract/result';
import { type LanguageProblem, languageValidator, parseLanguage, type Validator } from './parse.js';
import type { LanguageFile } from './schema.js';

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
  const validator = languageValidator();
  const languages: LoadedLanguage[] = [];
  const problems: LanguageProblem[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch((error: Error) => {
      const message = `the folder can't be read: ${error.message}`;
      problems.push({ file: folder, line: 0, message });
      return [];
    });
    for (const name of names.filter((one) => /\.ya?ml$/.test(one)).sort()) {
      const path = join(folder, name);
      const parsed = await readLanguage(path, validator);
      if (parsed.ok) languages.push({ path, file: parsed.value });
      else problems.push(...parsed.error);
    }
  }
  return { languages, problems };
}

async function readLanguage(
  path: string,
  validator: Validator,
): Promise<Result<LanguageFile, LanguageProblem[]>> {
  const content = await readFile(path, 'utf8').catch((error: Error) => error);
  if (typeof content === 'string') return parseLanguage(content, path, validator);
  return refuse([{ file: path, line: 0, message: `can't be read: ${content.message}` }]);
}
