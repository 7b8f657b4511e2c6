import { resolve } from 'node:path';
import { exportPacks } from '@gozolite/packs/archive/export';
import { importPacks } from '@gozolite/packs/archive/take-in';
import { packFolders } from '@gozolite/packs/folders';
import { type InstalledPack, readInstalled } from '@gozolite/packs/installed';
import {
  chooseInstalled,
  installedFor,
  nameOfOrder,
  ordersFor,
  readCatalogue,
} from '@gozolite/packs/orders';
import { addPacks, removePacks, withLock } from '@gozolite/packs/packs';
import { verifyTree } from '@gozolite/packs/tree/verify';
import { UsageError } from '../usage-error.js';
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
  const { root, env, signal } = context;
  const build = { folders: packFolders(root), env, signal };
  using progress = createPacksProgress(process.stderr);
  switch (request.kind) {
    case 'add':
    case 'update':
      return add(context, request, progress);
    case 'remove': {
      requireChoice(request);
      const choose = (installed: readonly InstalledPack[]) =>
        request.isAll ? installed : chooseInstalled(installed, request.names);
      const { removed, freedBytes, inUse } = await removePacks(build, choose, progress.onWait);
      for (const { name } of removed) print(`${name}: removed`);
      print(`${megabytes(freedBytes)} freed`);
      if (inUse > 0) print(`${inUse} still in use; the next gozo packs frees what they take`);
      return 0;
    }
    case 'verify':
      return verify(context, request, progress);
    case 'list':
      return list(context, request.json);
    case 'export':
      return withLock(build, progress.onWait, async () => {
        const chosen = chooseInstalled(readInstalled(build.folders), request.names);
        const show = progress.share('export', request.file);
        const bytes = await exportPacks(build, resolve(request.file), chosen, show);
        const names = chosen.map(({ name }) => name).join(', ');
        print(`${request.file}: ${names}, ${megabytes(bytes)} before compression`);
        return 0;
      });
    case 'import': {
      const show = progress.share('import', request.file);
      const file = resolve(request.file);
      const installed = await importPacks(build, file, show, progress.onWait);
      for (const { name, digest } of installed) print(`${name}: imported, ${digest}`);
      return 0;
    }
  }
}

type Choice = Extract<PacksRequest, { isAll: boolean }>;

function requireChoice({ names, isAll, sets }: Choice): void {
  if (names.length > 0 || isAll || sets.length > 0) return;
  throw new UsageError('name the packs, or say --all');
}

async function add(
  { root, languages, env, signal }: PacksContext,
  request: Choice,
  progress: PacksProgress,
): Promise<number> {
  requireChoice(request);
  const isUpdate = request.kind === 'update';
  const build = { folders: packFolders(root), env, signal };
  const catalogue = await readCatalogue(languages);
  const wanted =
    isUpdate && request.isAll
      ? ordersFor(catalogue, { names: [], isAll: true, sets: [] })
      : ordersFor(catalogue, request);
  const isThere = isUpdate ? await installedOrders(build, progress) : undefined;
  const orders = isThere === undefined ? wanted : wanted.filter(isThere);
  const lacking = request.isAll ? [] : wanted.filter((order) => !orders.includes(order));
  if (lacking.length > 0) {
    throw new UsageError(`${lacking.map(nameOfOrder).join(', ')}: not installed`);
  }
  const outcomes = await addPacks(build, orders, isUpdate, progress);
  return outcomes.some(({ kind }) => kind === 'failed') ? 1 : 0;
}

function installedOrders(build: Parameters<typeof addPacks>[0], { onWait }: PacksProgress) {
  return withLock(build, onWait, async () => {
    const installed = readInstalled(build.folders);
    return (order: Parameters<typeof nameOfOrder>[0]) =>
      installedFor(installed, order) !== undefined;
  });
}

function verify(
  { root, env, signal }: PacksContext,
  request: Choice,
  progress: PacksProgress,
): Promise<number> {
  requireChoice(request);
  const folders = packFolders(root);
  return withLock({ folders, env, signal }, progress.onWait, async () => {
    const installed = readInstalled(folders);
    const chosen = request.isAll ? installed : chooseInstalled(installed, request.names);
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

/** Looking is not making: where no pack ever was, there is no folder. */
function installedIn(root: string): readonly InstalledPack[] {
  try {
    return readInstalled(packFolders(root));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
