import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { BUILD } from '../build/paths.mjs';
import { EXIT_CONFIG, EXIT_NOPERM, StartError } from './errors.mjs';

/** sun_path holds 108 bytes with its NUL (unix(7)). */
const SOCKET_PATH_BYTES_MAX = 107;

export function requireRoot() {
  if (process.getuid?.() === 0) return;
  throw new StartError(
    [
      `it was started as an ordinary user (uid ${process.getuid?.()}).`,
      'The launcher needs root to give each sandbox a host uid and cgroup limits of its own, and',
      'GozoLite does not run programs with less isolation than that.',
      'Start it as root: sudo npm start (the server itself then runs as the user gozolite).',
    ].join('\n'),
    EXIT_NOPERM,
  );
}

/** What the start itself needs of the environment; everything else is the server's to read. */
export function readSettings(env) {
  const problems = [];
  const settings = {
    state: path(env, 'GOZO_STATE', '/var/lib/gozolite', problems),
    socket: path(env, 'GOZO_SOCKET', '/run/gozolite/sandboxd.sock', problems),
    host: env.GOZO_HOST || '127.0.0.1',
    port: integer(env, 'GOZO_PORT', { min: 1, max: 65_535, fallback: 7070 }, problems),
    networkAllow: env.GOZO_NETWORK_ALLOW || '',
    uidBase: integer(env, 'GOZO_UID_BASE', UID_BASE_RANGE, problems),
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
  const gozo = Object.entries(env).filter(([name]) => name.startsWith('GOZO_'));
  return Object.freeze({ ...settings, environment: Object.fromEntries(gozo) });
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
  return lines.map((line) => line.trim()).filter((line) => line.includes('GOZO_'));
}

function sameName(own, line) {
  return line.startsWith(own.slice(0, own.indexOf(':')));
}
