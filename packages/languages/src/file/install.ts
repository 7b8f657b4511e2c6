import type { LanguageFile } from '../schema.js';
import { defaultSources } from './packs.js';

/** Commands that provide these languages' toolchains: at most one of apt-get and one of npm. */
export function installCommands(languages: readonly LanguageFile[]): readonly string[] {
  const debian = unique(languages.flatMap((file) => defaultSources(file).debian ?? []));
  const npm = unique(languages.flatMap((file) => defaultSources(file).npm ?? []));
  return [
    ...(debian.length > 0 ? [`apt-get install -y ${debian.join(' ')}`] : []),
    ...(npm.length > 0 ? [`npm install -g --prefix /usr/local ${npm.join(' ')}`] : []),
  ];
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
