import { type DetectedToolchain, fix } from '../recipe.js';
import type { CacheFile, LanguageFile } from '../schema.js';

/** A toolchain of the host that something can be made of ahead of all requests. */
export interface CacheSource {
  readonly language: LanguageFile;
  readonly toolchain: DetectedToolchain;
}

/** Where sandboxes find what is made of it, whether it is there already or not. */
export type CacheOf = (cache: CacheFile, source: CacheSource) => string;

/** The command that makes it, in its working folder. */
export function cacheCommand(
  { command, script }: CacheFile,
  { toolchain }: CacheSource,
): readonly string[] {
  return command.map((element) => fix(element, toolchain.paths, script));
}

/** Files of the host whose change makes another cache of it. */
export function cacheFiles({ language, toolchain }: CacheSource): readonly string[] {
  const { paths } = toolchain;
  const required = (language.toolchain.requires ?? []).map((template) => fix(template, paths));
  return [...Object.values(paths), ...required];
}
