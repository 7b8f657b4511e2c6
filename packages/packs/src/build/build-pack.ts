import { join } from 'node:path';
import { packName } from '@gozolite/contract/pack';
import type { PackRecipe } from '@gozolite/languages/file/packs';
import type { LanguageFile } from '@gozolite/languages/schema';
import { requireSpace } from '../disk.js';
import type { InstalledPack, PackedPackage } from '../installed.js';
import { placeTree, takeFiles } from '../tree/place.js';
import { scanRoot } from '../tree/scan.js';
import { debianPackages, lendArchives } from './apt.js';
import { copyRoot } from './base.js';
import { keepNotes, notesOf } from './notes.js';
import { installCargo, installGo } from './registries/commands.js';
import { installMaven } from './registries/maven.js';
import { installNpm } from './registries/npm.js';
import { installPypi } from './registries/pypi.js';
import { type BuildContext, makeWorkFolder, removeRoot, runAsOwner, runInside } from './root.js';
import { settleRoot } from './settle.js';
import { versionOf } from './toolchain.js';
import { isOnPath, type Suite, type Workshop } from './workshop.js';

/** One pack that is to be built. */
export interface Order {
  readonly file: LanguageFile;
  readonly recipe: PackRecipe;
  /** What was asked for, where the recipe leaves its version to the toolchain. */
  readonly asked?: string;
}

export interface BuiltPack {
  readonly pack: InstalledPack;
  /** Bytes that no other pack had. */
  readonly newBytes: number;
}

/** What is being done, and how far all of the pack is, between 0 and 1. */
export interface Progress {
  readonly step: string;
  readonly share: number;
  /** Where the step is counted in bytes. */
  readonly bytes?: { readonly done: number; readonly total: number };
}

export type OnProgress = (progress: Progress) => void;

/** Where each step begins, of the time that a pack of middle size takes. */
const BEGINS = {
  resolve: 0,
  download: 0.02,
  install: 0.3,
  registries: 0.6,
  prepare: 0.7,
  settle: 0.8,
  store: 0.85,
};

/** Builds a pack and lays its tree down; it exists once its record is written. */
export async function buildPack(
  workshop: Workshop,
  order: Order,
  onProgress: OnProgress,
): Promise<BuiltPack> {
  const { file, recipe } = order;
  const { context } = workshop;
  const { folders } = context;
  const work = makeWorkFolder(context);
  try {
    const root = join(work, 'root');
    onProgress({ step: 'resolving', share: BEGINS.resolve });
    const built = { ...workshop, ...(await workshop.suiteOf(recipe.suite)) };
    const notes = notesOf(file);
    const { debian = [] } = recipe.sources;
    await installDebian(built, { root, packages: debian, notes }, onProgress);
    const packages = await installRegistries(built, { root, file, recipe }, onProgress);
    await prepare(context, root, { recipe, onProgress });
    onProgress({ step: 'checking the toolchain', share: BEGINS.settle });
    await settleRoot(context, root);
    const version = await versionOf(context, root, order);
    onProgress({ step: 'storing', share: BEGINS.store });
    const all = [...debianPackages(root), ...packages];
    const rest = 1 - BEGINS.store;
    const storing = (share: number) => {
      context.signal.throwIfAborted();
      onProgress({ step: 'storing', share: BEGINS.store + share * rest });
    };
    const { entries, newBytes } = await takeFiles(folders, scanRoot(root, notes), (share) =>
      storing(share / 2),
    );
    const tree = await placeTree(folders, entries, (share) => storing(0.5 + share / 2));
    const pack: InstalledPack = {
      name: packName({ language: file.id, version, variant: recipe.variant }),
      language: file.id,
      version,
      variant: recipe.variant,
      ...tree,
      built_at: new Date().toISOString(),
      packages: all,
    };
    return { pack, newBytes };
  } finally {
    await removeRoot(context, work);
  }
}

/** What runs in the root once more has less than a package's script: no capability at all. */
async function prepare(
  context: BuildContext,
  root: string,
  { recipe, onProgress }: { readonly recipe: PackRecipe; readonly onProgress: OnProgress },
): Promise<void> {
  for (const script of recipe.prepare) {
    onProgress({ step: 'preparing', share: BEGINS.prepare });
    const bare = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
    const command = [...bare, 'sh', '-ceu', script];
    await runInside('its preparation', context, { root, command });
  }
}

interface DebianOrder {
  readonly root: string;
  readonly packages: readonly string[];
  readonly notes: readonly string[];
}

async function installDebian(
  { context, apt, base, downloading }: Workshop & Suite,
  { root, packages, notes }: DebianOrder,
  onProgress: OnProgress,
): Promise<void> {
  if (packages.length === 0) return copyRoot(context, base, root);
  const plan = await apt.plan(base, packages);
  requireSpace(context.folders.root, plan.downloadBytes + plan.installedBytes);
  await downloading(async () => {
    const total = plan.downloadBytes;
    const length = BEGINS.install - BEGINS.download;
    await apt.download(base, {
      packages,
      onDone: (done, all) =>
        onProgress({
          step: 'downloading',
          share: BEGINS.download + (done / all) * length,
          bytes: { done: Math.round((done / all) * total), total },
        }),
    });
  });
  onProgress({ step: 'installing', share: BEGINS.install });
  await copyRoot(context, base, root);
  await keepNotes(context, root, notes);
  lendArchives(apt.archives, root, plan);
  await apt.install(root, {
    packages,
    onDone: (done, all) =>
      onProgress({
        step: 'installing',
        share: BEGINS.install + (done / all) * (BEGINS.registries - BEGINS.install),
      }),
  });
  await runAsOwner('clearing up', context, ['rm -rf -- "$1"', join(root, 'var/cache/apt')]);
}

async function installRegistries(
  { context, tools }: Workshop & Suite,
  { root, file, recipe }: Order & { readonly root: string },
  onProgress: OnProgress,
): Promise<readonly PackedPackage[]> {
  const { npm = [], pypi = [], pypi_source = [], maven = [], go = [], cargo = [] } = recipe.sources;
  const language = file.id;
  const found: PackedPackage[] = [];
  const say = (step: string) => onProgress({ step, share: BEGINS.registries });
  if (npm.length > 0) {
    say('installing from npm');
    found.push(...(await installNpm(context, root, npm)));
  }
  if (pypi.length + pypi_source.length > 0) {
    say('installing from PyPI');
    const place = { root, tools: await tools('pip'), language };
    found.push(...(await installPypi(context, place, { wheels: pypi, built: pypi_source })));
  }
  if (maven.length > 0) {
    say('installing from Maven');
    const hasMaven = isOnPath('mvn', context.env.PATH ?? '');
    const place = { root, tools: hasMaven ? undefined : await tools('maven'), language };
    found.push(...(await installMaven(context, place, maven)));
  }
  if (go.length > 0) {
    say('building with Go');
    found.push(...(await installGo(context, root, go)));
  }
  if (cargo.length > 0) {
    say('building with Cargo');
    const place = { root, tools: await tools('cargo'), language };
    found.push(...(await installCargo(context, place, cargo)));
  }
  return found;
}
