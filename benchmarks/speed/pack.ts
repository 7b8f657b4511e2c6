import { join } from 'node:path';
import type { Recipe } from '@gozolite/contract/recipe';
import { detect } from '@gozolite/languages/detect';
import { recipeOf } from '@gozolite/languages/recipe';
import type { LanguageFile } from '@gozolite/languages/schema';
import { packFolders } from '@gozolite/packs/folders';
import { type InstalledPack, readInstalled } from '@gozolite/packs/installed';
import { existsInside } from '@gozolite/packs/tree/inside';
import { type PackRoot, packRoot } from './in-pack.js';

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
  return { recipe: await recipeIn(root, tree, { file, pack }), tree };
}

/**
 * As the engine has it, of the toolchain that is found in a root of the pack's tree.
 * @throws where none is
 */
export async function recipeIn(
  root: PackRoot,
  tree: string,
  { file, pack }: { readonly file: LanguageFile; readonly pack: InstalledPack },
): Promise<Recipe> {
  const rootfs = pack.digest;
  const detection = await detect(file, {
    probe: (argv, env) => root.ask({ argv, env }),
    exists: (path) => existsInside(tree, path),
    rootfs,
  });
  if (detection.kind !== 'found') throw new Error(`by hand: ${detection.reason}`);
  const [toolchain] = detection.toolchains;
  if (toolchain === undefined) throw new Error('by hand: no toolchain');
  return recipeOf(file, toolchain, { rootfs, source: pack.name });
}
