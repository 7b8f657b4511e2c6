import { totalmem } from 'node:os';
import { join } from 'node:path';
import { LEVELS, type Level } from '@gozolite/contract/level';
import type { NetworkPolicy } from '@gozolite/contract/network';
import { type Result, refuse } from '@gozolite/contract/result';
import type { PoolOptions } from '@gozolite/engine/demand/demand';
import type { Reservation } from '@gozolite/engine/queue/room';
import { type StoreAddress, storeAddress } from '@gozolite/store/open';
import { LOG_LEVELS, type LogLevel } from '@gozolite/telemetry/logger';
import { readDataAllow } from './admission/data/settings.js';
import { readNetwork } from './admission/network/settings.js';
import { type ExecutionSettings, readExecutions } from './executions/settings.js';
import { readCorsOrigins } from './http/edge/settings.js';
import { type InteractiveSettings, readInteractive } from './interactive/settings.js';
import { type ListenerBounds, readListeners } from './listeners/settings.js';
import { type Observing, readObserving } from './observing/settings.js';
import { readPool } from './pool/settings.js';
import { memoryHereKb, readReservable } from './queueing/reservable.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface Config {
  readonly listen: ListenAddress;
  /** Whose requests are served: everybody's on loopback, or those that come with a key. */
  readonly auth: AuthName;
  /** Where tenants, keys and executions are; read where there are any of these. */
  readonly store: StoreAddress;
  /** Of tenants' policies; '' where there are none. */
  readonly policiesFolder: string;
  /** The secret that keys are hashed with. */
  readonly keySecretFile: string;
  /** A file of issuers whose tokens are let in beside keys; '': none are. */
  readonly oidcFile: string;
  /** What makes the sandboxes. */
  readonly backend: BackendName;
  /** The launcher's socket. */
  readonly launcherSocket: string;
  /** Of the backend `container`: the engine's socket, image and runtime ('': its default). */
  readonly container: {
    readonly socket: string;
    readonly image: string;
    readonly runtime: string;
  };
  /** A folder of the server's own, for what it keeps between starts. */
  readonly dataFolder: string;
  /** Where packs are put; the launcher has to be told the same. */
  readonly packsFolder: string;
  /** What is made once of the host's toolchains; the launcher has to be told the same. */
  readonly cachesFolder: string | undefined;
  /** Whether the host's own toolchains serve where a pack is not in place. */
  readonly hostToolchains: boolean;
  /** Whether the first program of each language is run before it is said to be available. */
  readonly smokes: boolean;
  /** Whether runtimes are booted before their requests. */
  readonly prepare: boolean;
  /** What is kept ready for requests to come. */
  readonly pool: PoolOptions;
  /** False: each runtime is booted by itself. */
  readonly templates: boolean;
  /** Folders of users' own language files, beside the shipped ones. */
  readonly languageFolders: readonly string[];
  readonly concurrency: number;
  /** What those that run at once may reserve together. */
  readonly reservable: Reservation;
  readonly queueMax: number;
  readonly queuePerTenantMax: number;
  readonly queueWaitMsMax: number;
  /** Of executions that are kept until somebody asks; absent: there are none. */
  readonly executions: ExecutionSettings | undefined;
  readonly interactive: InteractiveSettings;
  readonly listeners: ListenerBounds;
  readonly drainMs: number;
  /** Between two looks for toolchains; 0 never looks again by itself. */
  readonly refreshMs: number;
  /** Between two runs of the short attacks that readiness depends on; 0 never runs them. */
  readonly readyAttacksMs: number;
  readonly logLevel: LogLevel;
  /** What requests may connect to; nothing, unless it is set. */
  readonly network: NetworkPolicy;
  /** Names of the data sets that requests may ask for, `*` for all; none, unless it is set. */
  readonly dataAllow: readonly string[];
  /** With less isolation than this nothing runs. */
  readonly isolationFloor: Level;
  /** What is told of what happens, and to whom. */
  readonly observing: Observing;
  /** Pages of these may use the server. */
  readonly corsOrigins: readonly string[];
}

export const BACKENDS = ['native', 'container'] as const;
export type BackendName = (typeof BACKENDS)[number];

export const AUTHS = ['none', 'keys'] as const;
export type AuthName = (typeof AUTHS)[number];

/** Whether only this host can reach it. */
export function isLoopback(listen: ListenAddress): boolean {
  return listen.kind === 'socket' || isLoopbackHost(listen.host);
}

/** Of a folder: there is none. */
const OFF = 'off';
const YES_OR_NO = ['true', 'false'] as const;
const PREPARE = ['true', 'boot', 'false'] as const;

/** Names that belong to the start script, the CLI and the tests, which share one environment. */
const OTHERS_NAMES = /^GOZO_(STATE|UID_BASE|URL|KEY|LAUNCHER|TEST_\w+)$/;

/**
 * Reads environment and flags once, at start. Nothing below main.ts may look at process.env.
 * A flag `--queue-wait-ms 5` is `GOZO_QUEUE_WAIT_MS=5` and goes over it.
 * @param cores logical CPUs, for the default concurrency
 * @returns or refuses with one line per bad value, all at once
 */
export function readConfig(
  environment: Environment,
  flags: readonly string[],
  cores: number,
): Result<Config, readonly string[]> {
  const faults: string[] = [];
  const env = { ...environment, ...readFlags(flags, faults) };
  const read = reader(env, faults);
  const httpSocket = read.text('GOZO_HTTP_SOCKET', '');
  const host = read.text('GOZO_HOST', '127.0.0.1');
  const auth = read.choice('GOZO_AUTH', AUTHS, 'none');
  if (auth === 'none' && !isLoopbackHost(host)) {
    faults.push(
      `GOZO_HOST is "${host}": without API keys whoever reaches the server can run code on it, ` +
        'so it listens on loopback only (127.0.0.1, ::1 or localhost) unless GOZO_AUTH is keys',
    );
  }
  const backend = read.choice('GOZO_BACKEND', BACKENDS, 'native');
  const isolationFloor = read.choice('GOZO_ISOLATION_FLOOR', LEVELS, 'full');
  if (backend === 'container' && isolationFloor !== 'container') {
    faults.push(
      'GOZO_BACKEND is "container": its sandboxes share more with the host than native ones; ' +
        'accept that by name with GOZO_ISOLATION_FLOOR=container',
    );
  }
  const port = read.integer('GOZO_PORT', { min: 0, max: 65_535, fallback: 7070 });
  const dataFolder = read.text('GOZO_DATA', '/var/lib/gozolite/data');
  const config: Config = {
    auth,
    store: readStore(read, dataFolder, faults),
    policiesFolder: read.text('GOZO_POLICIES', ''),
    keySecretFile: read.text('GOZO_KEY_SECRET', join(dataFolder, 'key-secret')),
    oidcFile: readOidcFile(read, auth, faults),
    listen: httpSocket === '' ? { kind: 'tcp', host, port } : { kind: 'socket', path: httpSocket },
    backend,
    launcherSocket: read.text('GOZO_SOCKET', '/run/gozolite/sandboxd.sock'),
    container: readContainer(read),
    dataFolder,
    ...readToolchains(read),
    smokes: read.choice('GOZO_SMOKES', YES_OR_NO, 'true') === 'true',
    prepare: read.choice('GOZO_PREPARE', PREPARE, 'true') !== 'false',
    templates: read.choice('GOZO_PREPARE', PREPARE, 'true') === 'true',
    pool: readPool(read, Math.floor(totalmem() / 1024)),
    languageFolders: read.list('GOZO_LANGUAGES', ':'),
    ...readQueue(read, cores),
    executions: readExecutions(read, faults),
    interactive: readInteractive(read),
    listeners: readListeners(read, auth === 'keys'),
    drainMs: read.integer('GOZO_DRAIN_MS', { min: 0, max: 600_000, fallback: 30_000 }),
    refreshMs: read.integer('GOZO_REFRESH_MS', { min: 0, max: 86_400_000, fallback: 600_000 }),
    readyAttacksMs: read.integer('GOZO_READY_ATTACKS_MS', {
      min: 0,
      max: 86_400_000,
      fallback: 0,
    }),
    logLevel: read.choice('GOZO_LOG_LEVEL', LOG_LEVELS, 'info'),
    network: readNetwork(read, faults),
    dataAllow: readDataAllow(read, faults),
    isolationFloor,
    observing: readObserving(read, auth === 'keys', environment, faults),
    corsOrigins: readCorsOrigins(read, auth === 'keys', faults),
  };
  for (const name of Object.keys(env)) {
    if (name.startsWith('GOZO_') && !read.known.has(name) && !OTHERS_NAMES.test(name)) {
      faults.push(`${name} is not a setting; known are ${knownNames(read.known)}`);
    }
  }
  return faults.length === 0
    ? { ok: true, value: Object.freeze(config) }
    : refuse([...new Set(faults)]);
}

function readToolchains(read: ReturnType<typeof reader>) {
  const caches = read.text('GOZO_CACHES', OFF);
  return {
    packsFolder: read.text('GOZO_PACKS', '/var/lib/gozolite/packs'),
    cachesFolder: caches === OFF ? undefined : caches,
    hostToolchains: read.choice('GOZO_HOST_TOOLCHAINS', YES_OR_NO, 'true') === 'true',
  };
}

function readOidcFile(read: ReturnType<typeof reader>, auth: AuthName, faults: string[]): string {
  const file = read.text('GOZO_OIDC', '');
  if (file !== '' && auth !== 'keys') faults.push('GOZO_OIDC needs GOZO_AUTH=keys');
  return file;
}

function readQueue(read: ReturnType<typeof reader>, cores: number) {
  const places = { min: 0, max: 100_000 };
  const concurrency = read.integer('GOZO_CONCURRENCY', { min: 1, max: 1024, fallback: 2 * cores });
  const queueMax = read.integer('GOZO_QUEUE', { ...places, fallback: 512 });
  return {
    concurrency,
    reservable: readReservable(read, { concurrency, cores, memoryKb: memoryHereKb() }),
    queueMax,
    queuePerTenantMax: read.integer('GOZO_QUEUE_PER_TENANT', { ...places, fallback: queueMax }),
    queueWaitMsMax: read.integer('GOZO_QUEUE_WAIT_MS', { min: 0, max: 600_000, fallback: 10_000 }),
  };
}

function readContainer(read: ReturnType<typeof reader>): Config['container'] {
  return {
    socket: read.text('GOZO_DOCKER_SOCKET', '/var/run/docker.sock'),
    image: read.text('GOZO_CONTAINER_IMAGE', 'gozolite/sandbox'),
    runtime: read.text('GOZO_CONTAINER_RUNTIME', ''),
  };
}

function readStore(
  read: ReturnType<typeof reader>,
  dataFolder: string,
  faults: string[],
): StoreAddress {
  const address = storeAddress(read.text('GOZO_STORE', ''), dataFolder);
  if (address !== undefined) return address;
  // Not repeated: a URL has a password in it.
  faults.push('GOZO_STORE is no URL of a Postgres, as postgres://user:password@host/name');
  return { kind: 'sqlite', file: '' };
}

/** The settings that the start or the CLI reads, beside the server's own. */
const STARTS_OWN = ['GOZO_STATE', 'GOZO_UID_BASE', 'GOZO_URL', 'GOZO_KEY', 'GOZO_LAUNCHER'];

function knownNames(known: ReadonlySet<string>): string {
  return [...known, ...STARTS_OWN].sort().join(', ');
}

function readFlags(flags: readonly string[], faults: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (let index = 0; index < flags.length; index += 1) {
    const flag = flags[index] ?? '';
    const match = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(flag);
    const value = match?.[2] ?? flags[index + 1];
    if (match?.[1] === undefined || value === undefined) {
      faults.push(`"${flag}" is not a flag with a value, as --port 7070`);
      continue;
    }
    if (match[2] === undefined) index += 1;
    found[`GOZO_${match[1].replaceAll('-', '_').toUpperCase()}`] = value;
  }
  return found;
}

interface IntegerBounds {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}

function reader(env: Environment, faults: string[]) {
  const known = new Set<string>();
  const text = (name: string, fallback: string): string => {
    known.add(name);
    const value = env[name];
    return value === undefined || value === '' ? fallback : value;
  };
  return {
    known,
    text,
    list: (name: string, separator: string): readonly string[] =>
      text(name, '')
        .split(separator)
        .filter((item) => item !== ''),
    integer: (name: string, { min, max, fallback }: IntegerBounds): number => {
      const value = text(name, String(fallback));
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      faults.push(`${name} is "${value}": it takes a whole number from ${min} to ${max}`);
      return fallback;
    },
    choice: <T extends string>(name: string, choices: readonly T[], fallback: T): T => {
      const value = text(name, fallback);
      const choice = choices.find((each) => each === value);
      if (choice === undefined) faults.push(`${name} is "${value}": one of ${choices.join(', ')}`);
      return choice ?? fallback;
    },
  };
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
