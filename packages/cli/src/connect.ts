import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadedLanguages, loadLanguages } from '@gozolite/languages/load';
import { catalogueOf } from '@gozolite/languages/names/catalogue';
import { ofExtension } from '@gozolite/languages/names/extension';
import { parseReference } from '@gozolite/languages/names/reference';
import { GozoConnectionError } from '@gozolite/sdk/errors';
import { Gozo } from '@gozolite/sdk/gozo';
import { startLocal } from './local.js';
import { UsageError } from './usage-error.js';

export const DEFAULT_URL = 'http://127.0.0.1:7070';
/** A server on loopback answers in a millisecond or is not there. */
const LOOK_MS_MAX = 500;

export interface Where {
  /** --url or GOZO_URL. */
  readonly url: string | undefined;
  /** GOZO_KEY. */
  readonly key: string | undefined;
  /** --local: a private engine even where a server runs. */
  readonly isLocal: boolean;
  /** GOZO_LAUNCHER: another sandboxd for a private engine. */
  readonly launcher: string | undefined;
  /** GOZO_ISOLATION_FLOOR=reduced: a private engine may be one of an ordinary user's. */
  readonly isReduced: boolean;
  /** Where packs are put, for a private engine. */
  readonly packs: string;
  /** GOZO_HOST_TOOLCHAINS=false: a private engine has packs alone. */
  readonly hostToolchains: boolean;
}

/** What the call needs to know of languages: all, one by name, or the one of a file name. */
export type Wanted =
  | { readonly kind: 'all' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'extension'; readonly extension: string };

export interface Connection extends AsyncDisposable {
  readonly gozo: Gozo;
}

/** The server that was named, else the one that runs here, else a private engine for this call. */
export async function connect(where: Where, wanted: Wanted): Promise<Connection> {
  if (where.url !== undefined) return over(where.url, where.key);
  if (!where.isLocal && (await answers(DEFAULT_URL))) return over(DEFAULT_URL, where.key);
  const home = installation();
  return startLocal({
    launcher: where.launcher ?? join(home, 'sandboxd'),
    server: join(home, 'server.mjs'),
    languageFiles: await languageFiles(join(home, 'languages'), wanted),
    floor: where.isReduced ? 'reduced' : 'full',
    packs: where.packs,
    hostToolchains: where.hostToolchains,
    // Who wants one program run need not wait for others.
    triesLanguages: wanted.kind === 'all',
  });
}

function over(url: string, key: string | undefined): Connection {
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is no URL, as ${DEFAULT_URL} is`);
  return {
    gozo: new Gozo({ url, ...(key === undefined ? {} : { key }) }),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    await new Gozo({ url }).health({ signal: AbortSignal.timeout(LOOK_MS_MAX) });
    return true;
  } catch (error) {
    if (error instanceof GozoConnectionError) return false;
    if (error instanceof DOMException && error.name === 'TimeoutError') return false;
    throw error;
  }
}

/** The folder with server.mjs, sandboxd and languages/: this program's own, or the build's. */
export function installation(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return existsSync(join(here, 'server.mjs')) ? here : join(here, '..', '..', '..', 'build');
}

/** The attacks: beside this program where it is installed, else the source tree's. */
export function corpusFolder(): string {
  const beside = join(installation(), 'attacks');
  return existsSync(beside) ? beside : join(installation(), '..', 'attacks');
}

async function languageFiles(folder: string, wanted: Wanted): Promise<readonly string[]> {
  const all = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  const paths = all.map((name) => join(folder, name));
  if (wanted.kind === 'all') return paths;
  const loaded = await loadLanguages([folder]);
  const path = loaded.languages.find(({ file }) => file.id === idOf(loaded, wanted))?.path;
  // An unknown name goes to the engine with all that there are: it knows the nearest.
  return path === undefined ? paths : [path];
}

function idOf(
  loaded: LoadedLanguages,
  wanted: Exclude<Wanted, { kind: 'all' }>,
): string | undefined {
  const { languages, names } = catalogueOf(loaded);
  if (wanted.kind === 'name') {
    return names.get(parseReference(wanted.name, (name) => names.has(name)).name);
  }
  return ofExtension(languages, wanted.extension)?.id;
}
