import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { BUILD } from '../build/paths.mjs';
import { EXIT_CONFIG, EXIT_NOPERM, StartError } from './errors.mjs';

/** sun_path holds 108 bytes with its NUL (unix(7)). */
const SOCKET_PATH_BYTES_MAX = 107;

/** As root, or as whoever accepts what an ordinary user can have. */
export function requireRights(env) {
  if (env.GOZO_BACKEND === 'container') return; // The engine has the rights.
  if (isRoot()) return requireCapabilities();
  if (env.GOZO_ISOLATION_FLOOR === 'reduced') return;
  throw new StartError(
    [
      `it was started as an ordinary user (uid ${process.getuid?.()}).`,
      'The launcher needs root to give each sandbox a host uid and cgroup limits of its own, and',
      'GozoLite does not run programs with less isolation than that unless it is told to.',
      'Start it as root: sudo npm start (the server itself then runs as the user gozolite).',
      'Or accept level reduced, where it runs no code of strangers: memory and processes are',
      'watched, not limited by the kernel: GOZO_ISOLATION_FLOOR=reduced npm start',
    ].join('\n'),
    EXIT_NOPERM,
  );
}

/** CAP_SYS_ADMIN of capabilities(7). */
const SYS_ADMIN = 1n << 21n;

/** A container's root has lost what makes root; as it, sandboxes would have the host root's uid. */
function requireCapabilities() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  if ((effective & SYS_ADMIN) !== 0n) return;
  throw new StartError(
    [
      'it was started as root without CAP_SYS_ADMIN, as in a container.',
      'Start the container as an ordinary user, with level reduced accepted:',
      'docker run --user 1000 -e GOZO_ISOLATION_FLOOR=reduced … (docs/guides/run-in-docker.md)',
    ].join('\n'),
    EXIT_NOPERM,
  );
}

function isRoot() {
  return process.getuid?.() === 0;
}

/** Where state and socket lie: of the machine, or of one user (XDG base directories). */
function placesOf(env) {
  if (isRoot()) return { state: '/var/lib/gozolite', socket: '/run/gozolite/sandboxd.sock' };
  const home = env.HOME || '/nonexistent';
  const state = join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'gozolite');
  const run = env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, 'gozolite') : join(state, 'run');
  return { state, socket: join(run, 'sandboxd.sock') };
}

/** Of the server: its own, OpenTelemetry's, and whose certificates it believes. */
const ITS_NAMES = /^(GOZO_|OTEL_|NODE_EXTRA_CA_CERTS$)/;

/** What the start itself needs of the environment; everything else is the server's to read. */
export function readSettings(env) {
  const problems = [];
  const places = placesOf(env);
  const state = path(env, 'GOZO_STATE', places.state, problems);
  const beside = env.GOZO_STATE && !isRoot() ? join(state, 'run', 'sandboxd.sock') : places.socket;
  const settings = {
    isRoot: isRoot(),
    state,
    socket: path(env, 'GOZO_SOCKET', beside, problems),
    host: env.GOZO_HOST || '127.0.0.1',
    port: integer(env, 'GOZO_PORT', { min: 1, max: 65_535, fallback: 7070 }, problems),
    packs: path(env, 'GOZO_PACKS', join(state, 'packs'), problems),
    caches: cachesOf(env, state, problems),
    networkAllow: env.GOZO_NETWORK_ALLOW || '',
    uidBase: integer(env, 'GOZO_UID_BASE', UID_BASE_RANGE, problems),
    engine: env.GOZO_BACKEND === 'container' ? engineOf(env) : null,
    floor: env.GOZO_ISOLATION_FLOOR === 'reduced' ? 'reduced' : 'full',
  };
  if (Buffer.byteLength(settings.socket) > SOCKET_PATH_BYTES_MAX) {
    problems.push(`GOZO_SOCKET: a path of at most ${SOCKET_PATH_BYTES_MAX} bytes`);
  }
  if (problems.length > 0) {
    const others = serverProblems(env).filter(
      (line) => !problems.some((own) => sameName(own, line)),
    );
    throw new StartError(
      `the environment has values that can't be used:\n  ${[...problems, ...others].join('\n  ')}`,
      EXIT_CONFIG,
    );
  }
  const its = Object.entries(env).filter(([name]) => ITS_NAMES.test(name));
  return Object.freeze({ ...settings, environment: Object.fromEntries(its) });
}

/** `off`, or the folder of what is made once of the host's toolchains. */
function cachesOf(env, state, problems) {
  const isOff = env.GOZO_CACHES === 'off' || env.GOZO_BACKEND === 'container';
  return isOff ? null : path(env, 'GOZO_CACHES', join(state, 'caches'), problems);
}

/** What the container backend's sandboxes are made with (docs/reference/container.md). */
function engineOf(env) {
  return {
    socket: env.GOZO_DOCKER_SOCKET || '/var/run/docker.sock',
    image: env.GOZO_CONTAINER_IMAGE || 'gozolite/sandbox',
  };
}

/** Below it lie real users, above it uid_t ends; each launcher takes 1,024 from its base on. */
const UID_BASE_RANGE = { min: 0x10000, max: 0xfffe0000, fallback: null };

function path(env, name, fallback, problems) {
  const value = env[name] || fallback;
  if (!isAbsolute(value) || value.includes('\0')) problems.push(`${name}: an absolute path`);
  return normalize(value);
}

function integer(env, name, { min, max, fallback }, problems) {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    problems.push(`${name}: a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  }
  return value;
}

/** The server's own words on its part of the environment, so that all bad values come at once. */
function serverProblems(env) {
  const bundle = join(BUILD, 'server.mjs');
  if (!existsSync(bundle)) return [];
  const run = spawnSync(process.execPath, [bundle, '--check-config'], {
    env,
    encoding: 'utf8',
    timeout: 10_000,
  });
  const lines = run.status === EXIT_CONFIG ? run.stderr.split('\n') : [];
  return lines.map((line) => line.trim()).filter((line) => /\b(GOZO|OTEL)_/.test(line));
}

function sameName(own, line) {
  return line.startsWith(own.slice(0, own.indexOf(':')));
}
