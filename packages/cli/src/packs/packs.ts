import { resolve } from 'node:path';
import type { Catalogue } from '@gozolite/languages/names/catalogue';
import type { Order } from '@gozolite/packs/build/build-pack';
import type { BuildContext } from '@gozolite/packs/build/root';
import { packFolders } from '@gozolite/packs/folders';
import { type InstalledPack, readInstalled } from '@gozolite/packs/installed';
import {
  canonicalNames,
  chooseInstalled,
  installedFor,
  nameOfOrder,
  ordersFor,
  readCatalogue,
} from '@gozolite/packs/orders';
import { addPacks, removePacks, withLock } from '@gozolite/packs/packs';
import { UsageError } from '../usage-error.js';
import type { PacksRequest } from './program.js';
import { createPacksProgress, megabytes, type PacksProgress } from './progress.js';
import { exportTo, importFrom, orNone, print, printRemoved, verifyTrees } from './store.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where everything is, and what ends it. */
export interface PacksContext {
  readonly root: string;
  readonly languages: readonly string[];
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** `GOZO_PACKS`, else below `GOZO_STATE`, else where `npm start` has its state. */
export function packsRoot(env: Environment, isRoot: boolean): string {
  if (env.GOZO_PACKS) return resolve(env.GOZO_PACKS);
  if (env.GOZO_STATE) return resolve(env.GOZO_STATE, 'packs');
  if (isRoot) return '/var/lib/gozolite/packs';
  const states = env.XDG_STATE_HOME || `${env.HOME ?? ''}/.local/state`;
  return resolve(states, 'gozolite/packs');
}

/** `gozo packs …`. @returns 0, or 1 where a pack could not be built or is not as it was built */
export async function packs(context: PacksContext, request: PacksRequest): Promise<number> {
  const build = { ...context, folders: packFolders(context.root) };
  using progress = createPacksProgress(process.stderr);
  switch (request.kind) {
    case 'add':
    case 'update':
      return add(build, request, progress);
    case 'remove': {
      requireChoice(request);
      const catalogue = await readCatalogue(context.languages);
      const chosen = (installed: readonly InstalledPack[]) => choose(installed, catalogue, request);
      printRemoved(await removePacks(build, chosen, progress.onWait), 'gozo packs');
      return 0;
    }
    case 'verify':
      return verify(build, request, progress);
    case 'list':
      return list(context, request.json);
    case 'export': {
      const names = canonicalNames(await readCatalogue(context.languages), request.names);
      return withLock(build, progress.onWait, () => {
        const chosen = chooseInstalled(readInstalled(build.folders), names);
        return exportTo(build, request.file, { packs: chosen, data: [] }, progress);
      });
    }
    case 'import':
      return importFrom(build, request.file, progress);
  }
}

type Choice = Extract<PacksRequest, { isAll: boolean }>;

function requireChoice({ names, isAll, sets }: Choice): void {
  if (names.length > 0 || isAll || sets.length > 0) return;
  throw new UsageError('name the packs, or say --all');
}

type Build = PacksContext & BuildContext;

async function add(build: Build, request: Choice, progress: PacksProgress): Promise<number> {
  requireChoice(request);
  const isUpdate = request.kind === 'update';
  const catalogue = await readCatalogue(build.languages);
  const orders = isUpdate
    ? await ordersToUpdate(build, catalogue, request)
    : ordersFor(catalogue, request);
  const outcomes = await addPacks(build, orders, isUpdate, progress);
  return outcomes.some(({ kind }) => kind === 'failed') ? 1 : 0;
}

/** Those of the chosen packs that a language file still knows. */
async function ordersToUpdate(
  { folders }: BuildContext,
  catalogue: Catalogue,
  request: Choice,
): Promise<readonly Order[]> {
  const chosen = choose(
    orNone(() => readInstalled(folders)),
    catalogue,
    request,
  );
  return ordersFor(catalogue, { names: [], isAll: true, sets: [] }).filter(
    (order) => installedFor(chosen, order) !== undefined,
  );
}

function choose(
  installed: readonly InstalledPack[],
  catalogue: Catalogue,
  { names, isAll }: Choice,
): readonly InstalledPack[] {
  return isAll ? installed : chooseInstalled(installed, canonicalNames(catalogue, names));
}

async function verify(build: Build, request: Choice, progress: PacksProgress): Promise<number> {
  requireChoice(request);
  const catalogue = await readCatalogue(build.languages);
  return withLock(build, progress.onWait, () => {
    const chosen = choose(readInstalled(build.folders), catalogue, request);
    return verifyTrees(build, chosen, { progress, asItWas: 'as it was built' });
  });
}

async function list({ root, languages }: PacksContext, json: boolean): Promise<number> {
  const installed = orNone(() => readInstalled(packFolders(root)));
  const catalogue = await readCatalogue(languages);
  const orders = ordersFor(catalogue, { names: [], isAll: true, sets: [] });
  const available = orders
    .filter((order) => installedFor(installed, order) === undefined)
    .map(nameOfOrder);
  if (json) print(JSON.stringify({ folder: root, installed, available }, null, 2));
  else {
    for (const { name, bytes, files, digest } of installed) {
      print(`${name.padEnd(22)} ${megabytes(bytes).padStart(8)} ${files} files  ${digest}`);
    }
    if (installed.length === 0) print(`no pack is installed in ${root}`);
    if (available.length > 0) print(`\nCould be added: ${available.join(' ')}`);
  }
  return 0;
}
