import { join } from 'node:path';
import type { Recipe } from '@gozolite/contract/recipe';
import { detect } from '@gozolite/languages/detect';
import { recipeOf } from '@gozolite/languages/recipe';
import type { LanguageFile } from '@gozolite/languages/schema';
import { packFolders } from '@gozolite/packs/folders';
import { readInstalled } from '@gozolite/packs/installed';
import { existsInside } from '@gozolite/packs/tree/inside';
import { packRoot } from '../in-pack.js';

/**
 * The toolchain of an installed pack below GOZO_PACKS.
 * @param name as a request has it: `kotlin`, `python+data`
 * @throws where there is none
 */
export async function inPack(
  file: LanguageFile,
  name: string,
): Promise<{ readonly recipe: Recipe; readonly tree: string }> {
  const packs = process.env.GOZO_PACKS ?? '';
  const wanted = name.split('+')[1] ?? null;
  const pack = (packs === '' ? [] : readInstalled(packFolders(packs))).find(
    ({ language, variant }) => language === file.id && variant === wanted,
  );
  if (pack === undefined) throw new Error(`neither the host nor GOZO_PACKS has ${name}`);
  const tree = join(packs, 'trees', pack.digest);
  using root = packRoot(tree, new Map());
  const detection = await detect(file, {
    probe: (argv, env) => root.ask({ argv, env }),
    exists: (path) => existsInside(tree, path),
    rootfs: pack.digest,
  });
  const [toolchain] = detection.kind === 'found' ? detection.toolchains : [];
  if (toolchain === undefined) throw new Error(`the pack ${pack.name} has no toolchain of ${name}`);
  return { recipe: recipeOf(file, toolchain, { rootfs: pack.digest, source: pack.name }), tree };
}
