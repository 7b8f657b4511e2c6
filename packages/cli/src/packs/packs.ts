import { resolve } from 'node:path';
import type { Catalogue } from '@gozolite/languages/names/catalogue';
import { exportPacks } from '@gozolite/packs/archive/export';
import { importPacks } from '@gozolite/packs/archive/take-in';
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
import { verifyTree } from '@gozolite/packs/tree/verify';
import { UsageError } from '../usage-error.js';
import { installedIn } from './installed-in.js';
import type { PacksRequest } from './program.js';
import { createPacksProgress, megabytes, type PacksProgress } from './progress.js';

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
      const { removed, freedBytes, inUse } = await removePacks(
        build,
        (installed) => choose(installed, catalogue, request),
        progress.onWait,
      );
      for (const { name } of removed) print(`${name}: removed`);
      print(`${megabytes(freedBytes)} freed`);
      if (inUse > 0) print(`${inUse} still in use; the next gozo packs frees what they take`);
      return 0;
    }
    case 'verify':
      return verify(build, request, progress);
    case 'list':
      return list(context, request.json);
    case 'export': {
      const names = canonicalNames(await readCatalogue(context.languages), request.names);
      return withLock(build, progress.onWait, async () => {
        const chosen = chooseInstalled(readInstalled(build.folders), names);
        const sets = { packs: chosen, data: [] };
        const show = progress.share('export', request.file);
        const bytes = await exportPacks(build, resolve(request.file), sets, show);
        const words = chosen.map(({ name }) => name).join(', ');
        print(`${request.file}: ${words}, ${megabytes(bytes)} before compression`);
        return 0;
      });
    }
    case 'import': {
      const show = progress.share('import', request.file);
      const sets = await importPacks(build, resolve(request.file), show, progress.onWait);
      for (const { name, digest } of [...sets.packs, ...sets.data]) {
        print(`${name}: imported, ${digest}`);
      }
      return 0;
    }
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
  const chosen = choose(installedIn(folders.root), catalogue, request);
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
  const { folders, signal } = build;
  const catalogue = await readCatalogue(build.languages);
  return withLock(build, progress.onWait, async () => {
    const chosen = choose(readInstalled(folders), catalogue, request);
    let isGood = true;
    for (const { name, digest } of chosen) {
      const show = progress.share(name, 'verifying');
      const found = await verifyTree(folders, digest, (share) => {
        signal.throwIfAborted();
        show(share);
      });
      for (const { path, what } of found)
        print(`${name}: ${path === '' ? '' : `/${path} `}${what}`);
      if (found.length === 0) print(`${name}: as it was built, ${digest}`);
      isGood &&= found.length === 0;
    }
    return isGood ? 0 : 1;
  });
}

async function list({ root, languages }: PacksContext, json: boolean): Promise<number> {
  const installed = installedIn(root);
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

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
