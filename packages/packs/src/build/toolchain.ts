import { detect } from '@gozolite/languages/detect';
import { beginsWith } from '@gozolite/languages/offers/choose';
import type { Probe } from '@gozolite/languages/offers/probe';
import { PackError } from '../pack-error.js';
import { existsInside } from '../tree/inside.js';
import type { Order } from './build-pack.js';
import { askInside, type BuildContext } from './root.js';

/**
 * Asks the toolchain in a build root for its version, as the server will: a pack whose toolchain
 * does not start is none. There is no network, and nothing of the host.
 */
export async function versionOf(
  context: BuildContext,
  root: string,
  { file, recipe, asked }: Order,
): Promise<string> {
  const probe: Probe = async (argv, env) =>
    askInside(context, { root, command: ['env', '-i', ...wordsOf(env), ...argv] });
  const exists = (path: string) => existsInside(root, path);
  const detection = await detect(file, { probe, exists, rootfs: 'host' });
  if (detection.kind !== 'found') {
    throw new PackError(`the packages do not make up a toolchain: ${detection.reason}`);
  }
  const versions = detection.toolchains.map(({ version }) => version);
  const wanted = recipe.version ?? asked;
  if (wanted !== undefined && !versions.some((version) => beginsWith(version, wanted))) {
    const who = recipe.version === null ? 'asked for is' : 'the language file says';
    const made = versions.join(', ');
    throw new PackError(`${who} ${wanted}, and the toolchain of its packages is ${made}`);
  }
  return recipe.version ?? shortVersion(versions[0] ?? '');
}

/** The first two numbers, which name the pack: 8.0 of `8.0 release 1738`. */
export function shortVersion(version: string): string {
  const short = /^\d[0-9a-z]*(\.[0-9a-z]+)?/.exec(version)?.[0];
  if (short !== undefined) return short;
  throw new PackError(`the toolchain tells ${version}, which no pack can be called by`);
}

function wordsOf(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
