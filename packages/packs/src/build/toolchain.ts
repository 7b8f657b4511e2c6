import { detect, type Probe } from '@gozolite/languages/detect';
import type { LanguageFile } from '@gozolite/languages/schema';
import { PackError } from '../pack-error.js';
import { existsInside } from '../tree/inside.js';
import { askInside, type BuildContext } from './root.js';

/**
 * Asks the toolchain in a build root for its version, as the server will: a pack whose toolchain
 * does not start is none. There is no network, and nothing of the host.
 */
export async function versionOf(
  context: BuildContext,
  root: string,
  file: LanguageFile,
  wanted: string | null,
): Promise<string> {
  const probe: Probe = async (argv, env) =>
    askInside(context, { root, command: ['env', '-i', ...wordsOf(env), ...argv] });
  const exists = (path: string) => existsInside(root, path);
  const detection = await detect(file, { probe, exists, rootfs: 'host' });
  if (detection.kind !== 'found') {
    throw new PackError(`the packages do not make up a toolchain: ${detection.reason}`);
  }
  const versions = detection.toolchains.map(({ version }) => version);
  if (wanted === null) return (versions[0] ?? '').split('.').slice(0, 2).join('.');
  const isWanted = (version: string) => version === wanted || version.startsWith(`${wanted}.`);
  if (versions.some(isWanted)) return wanted;
  throw new PackError(
    `the language file says ${wanted}, and the toolchain of its packages is ${versions.join(', ')}`,
  );
}

function wordsOf(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
