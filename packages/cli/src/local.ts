import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GozoConnectionError } from '@gozolite/sdk/errors';
import { Gozo } from '@gozolite/sdk/gozo';
import { type Child, startChild } from './child.js';
import { fetchOver } from './socket-fetch.js';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const USER = 'gozolite';
/** Where an installed server keeps what it found out about toolchains. */
const SHARED_DATA = '/var/lib/gozolite/data';
/** A first look at every toolchain takes seconds. */
const READY_MS_MAX = 60_000;
const POLL_MS = 20;

/** sandboxd's range, sliced so that launchers which run at once have no uid in common. */
const UID_BASE = 0x7800_0000;
const SLOTS = 16;
const UID_SLICES = 65_536;

/** What a private engine is made of; all lie side by side where GozoLite is installed or built. */
export interface LocalParts {
  readonly launcher: string;
  readonly server: string;
  /** Language files to know; the fewer, the sooner it is ready. */
  readonly languageFiles: readonly string[];
  /** With less isolation than this it does not start. */
  readonly floor: 'full' | 'reduced';
  /** Undefined: none serve. */
  readonly packs: string | undefined;
  readonly hostToolchains: boolean;
  /** The first program of each language is run, to tell which of them work. */
  readonly triesLanguages: boolean;
}

/** An engine of the caller's own: launcher and server, reachable by nobody else. */
export interface LocalEngine extends AsyncDisposable {
  readonly gozo: Gozo;
}

/** Why no private engine could be had; the message says what to do. */
export class LocalEngineError extends Error {
  override readonly name = 'LocalEngineError';
}

/**
 * Starts launcher and server for this call alone. As root the server runs as the user gozolite,
 * from a copy that it can read but not write; the launcher stays root, as it has to be.
 */
export async function startLocal(parts: LocalParts): Promise<LocalEngine> {
  for (const file of [parts.launcher, parts.server]) {
    if (!existsSync(file)) {
      throw new LocalEngineError(
        `${file} is missing: build it with npm run build, or name a server with --url`,
      );
    }
  }
  const user = process.getuid?.() === 0 ? findUser() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'gozo-call-'));
  const children: Child[] = [];
  const dispose = async (): Promise<void> => {
    // The server first: the launcher then has no sandbox left to end.
    for (const child of children.reverse()) await child[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  const clean = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clean);
  try {
    const layout = layOut(folder, parts, user);
    const { launcherSocket: socket } = layout;
    const owner = user?.uid ?? process.getuid?.() ?? 0;
    children.push(startLauncher({ ...parts, socket, owner }), startServer(parts, layout, user));
    const { httpSocket: socketPath } = layout;
    const fetch = fetchOver(socketPath);
    const gozo = new Gozo({ url: 'http://localhost', fetch, socketPath });
    await Promise.race([untilReady(gozo), ...children.map(({ ended }) => ended)]);
    return { gozo, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    const reason = error instanceof Error ? error.message : String(error);
    throw new LocalEngineError(`no private engine could be started: ${reason}`, { cause: error });
  }
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

function findUser(): User {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${USER}:`));
  const [, , uid, gid] = line?.split(':').map(Number) ?? [];
  if (uid === undefined || gid === undefined || uid === 0) {
    throw new LocalEngineError(
      `the engine never runs as root, and there is no user "${USER}" for it. ` +
        `npm start makes it, or:\n` +
        `  useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${USER}`,
    );
  }
  return { uid, gid };
}

interface Layout {
  readonly launcherSocket: string;
  readonly httpSocket: string;
  readonly data: string;
  readonly server: string;
  /** A folder that is not there. */
  readonly noPacks: string;
}

function layOut(folder: string, parts: LocalParts, user: User | undefined): Layout {
  const program = join(folder, 'program');
  const sockets = join(folder, 'sockets');
  const data = join(folder, 'data');
  for (const each of [join(program, 'languages'), sockets, data]) {
    mkdirSync(each, { recursive: true, mode: 0o755 });
  }
  const server = join(program, 'server.mjs');
  copyFileSync(parts.server, server);
  for (const file of parts.languageFiles) {
    copyFileSync(file, join(program, 'languages', basename(file)));
  }
  if (user !== undefined) {
    // Root's folder, entered by the group alone; the server owns nothing but its data.
    chownSync(folder, 0, user.gid);
    chmodSync(folder, 0o710);
    chownSync(data, user.uid, user.gid);
    chownSync(sockets, user.uid, user.gid);
  }
  return {
    launcherSocket: join(folder, 'sandboxd.sock'),
    httpSocket: join(sockets, 'http.sock'),
    data: user !== undefined && existsSync(SHARED_DATA) ? SHARED_DATA : data,
    server,
    noPacks: join(folder, 'no-packs'),
  };
}

/** A launcher that ends with this call; its socket belongs to `owner` alone. */
export function startLauncher(plan: {
  readonly launcher: string;
  readonly socket: string;
  readonly owner: number;
  readonly floor: LocalParts['floor'];
  readonly packs?: string | undefined;
}): Child {
  const base = UID_BASE + (process.pid % UID_SLICES) * SLOTS;
  return startChild('the launcher', {
    command: plan.launcher,
    args: [
      ...['--socket', plan.socket, '--socket-owner', String(plan.owner)],
      ...['--uid-base', String(base), '--slots', String(SLOTS), '--floor', plan.floor],
      ...(plan.packs === undefined ? [] : ['--packs', plan.packs]),
    ],
    env: { PATH },
  });
}

function startServer(parts: LocalParts, layout: Layout, user: User | undefined): Child {
  const drop =
    user === undefined
      ? []
      : [
          '--reuid',
          `${user.uid}`,
          '--regid',
          `${user.gid}`,
          '--clear-groups',
          '--bounding-set=-all',
        ];
  return startChild('the engine', {
    command: process.execPath,
    args: [layout.server],
    env: {
      PATH,
      GOZO_HTTP_SOCKET: layout.httpSocket,
      GOZO_SOCKET: layout.launcherSocket,
      GOZO_DATA: layout.data,
      GOZO_DRAIN_MS: '0',
      GOZO_LOG_LEVEL: 'silent',
      GOZO_ISOLATION_FLOOR: parts.floor,
      GOZO_PACKS: parts.packs ?? layout.noPacks,
      GOZO_HOST_TOOLCHAINS: String(parts.hostToolchains),
      // Whoever starts it has installed them.
      GOZO_DATA_ALLOW: '*',
      GOZO_SMOKES: String(parts.triesLanguages),
      // It ends with this call: what it booted ahead would serve nobody.
      GOZO_PREPARE: 'false',
      // Nobody could ask for what it keeps, and its folder may be another server's.
      GOZO_ASYNC: 'false',
    },
    confine: [...drop, '--inh-caps=-all', '--no-new-privs'],
  });
}

/** Asks until the engine is ready: neither program has a way to say so by itself. */
async function untilReady(gozo: Gozo): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  let last = 'it did not answer';
  while (performance.now() < deadline) {
    try {
      const { ready, detail } = await gozo.readiness();
      if (ready) return;
      last = detail ?? last;
    } catch (error) {
      if (!(error instanceof GozoConnectionError)) throw error;
    }
    await sleep(POLL_MS);
  }
  throw new Error(`it was not ready after ${READY_MS_MAX / 1000} seconds: ${last}`);
}
