import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackedPackage } from '../../installed.js';
import { sharedBinds } from '../environment.js';
import { type BuildContext, runInside } from '../root.js';

/** Debian packages that a root with pip has. */
export const PIP_PACKAGES = ['python3-pip', 'ca-certificates'];

/** Where the packages of a language lie in its tree. */
export function pypiFolder(language: string): string {
  return `/usr/local/lib/gozolite/python/${language}`;
}

/** What of PyPI a tree gets. */
export interface PypiPackages {
  readonly wheels: readonly string[];
  /** Of these alone a build runs. */
  readonly built: readonly string[];
}

/**
 * Installs wheels: no code of a package runs but the build of those that are named for it. pip runs
 * in a root of its own, with the host's configuration and certificates; its Python is Debian's, as
 * the tree's is.
 */
export async function installPypi(
  context: BuildContext,
  { root, tools, language }: { root: string; tools: string; language: string },
  { wheels, built }: PypiPackages,
): Promise<readonly PackedPackage[]> {
  const target = join(root, pypiFolder(language));
  const cache = join(context.folders.downloads, 'pypi');
  mkdirSync(target, { recursive: true });
  mkdirSync(cache, { recursive: true });
  await runInside('pip', context, {
    root: tools,
    hasNetwork: true,
    binds: [...sharedBinds(context.env), [target, '/mnt/target'], [cache, '/mnt/cache']],
    command: [
      ...['python3', '-m', 'pip', 'install', '--no-compile', '--only-binary', ':all:'],
      ...['--no-input', '--disable-pip-version-check', '--root-user-action', 'ignore'],
      ...['--no-warn-script-location', '--quiet', '--cache-dir', '/mnt/cache'],
      ...built.flatMap((name) => ['--no-binary', name]),
      ...['--target', '/mnt/target', '--', ...wheels, ...built],
    ],
  });
  showToPython(root, language);
  return readdirSync(target)
    .filter((name) => name.endsWith('.dist-info'))
    .flatMap((name) => metadataOf(join(target, name, 'METADATA')));
}

/** A .pth file puts the folder on the path of the tree's own Python (docs of `site`). */
function showToPython(root: string, language: string): void {
  const library = join(root, 'usr/lib');
  const versions = readdirSync(library).filter((name) => /^python3\.\d+$/.test(name));
  for (const version of versions) {
    const folder = join(root, 'usr/local/lib', version, 'dist-packages');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `gozolite-${language}.pth`), `${pypiFolder(language)}\n`);
  }
}

function metadataOf(path: string): readonly PackedPackage[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  const name = /^Name: (.+)$/m.exec(text)?.[1];
  const version = /^Version: (.+)$/m.exec(text)?.[1];
  if (name === undefined || version === undefined) return [];
  return [{ ecosystem: 'pypi', name, version }];
}
