import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLoudly } from '../build/run-loudly.mjs';
import { freePort } from './test-server.mjs';

const DEBIANS = '/usr/lib/postgresql';
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;

/**
 * Starts a Postgres of the tests' own on loopback, installing Debian's where there is none.
 * @returns `{ url, stop }`
 */
export async function startPostgres(say) {
  const bin = await programs(say);
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-postgres-'));
  chmodSync(folder, 0o700);
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const password = randomBytes(16).toString('hex');
  const secret = join(folder, 'password');
  writeFileSync(secret, password, { mode: 0o600 });
  if (user !== undefined) chownSync(secret, user.uid, user.gid);
  const data = join(folder, 'data');
  const port = await freePort();
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const words = ['-D', data, '-U', 'gozo', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-N'];
    runAs(user, [join(bin, 'initdb'), ...words, '-E', 'UTF8', '--locale=C']);
    const own = ['-h', '127.0.0.1', '-p', String(port), '-k', folder, '-c', 'fsync=off'];
    const [command, ...args] = asUser(user, [join(bin, 'postgres'), '-D', data, ...own]);
    const server = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    // Its words are shown only where it does not come up.
    let said = '';
    server.stderr.on('data', (chunk) => {
      said = (said + chunk).slice(-4096);
    });
    const ended = new Promise((resolve) => server.on('close', resolve));
    const stop = async () => {
      server.kill('SIGINT'); // A fast shutdown.
      const timer = setTimeout(() => server.kill('SIGQUIT'), STOP_MS_MAX);
      await ended;
      clearTimeout(timer);
      remove();
    };
    // Were the tests killed, it would not stay behind.
    process.on('exit', () => server.kill('SIGQUIT'));
    await ready(join(bin, 'pg_isready'), port, () => said);
    return { url: `postgresql://gozo:${password}@127.0.0.1:${port}/postgres`, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

async function programs(say) {
  const found = newest();
  if (found !== undefined) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  say('Installing Postgres: apt-get install -y --no-install-recommends postgresql');
  await runLoudly('apt-get', ['update', '-q'], { env });
  const packages = ['install', '-y', '--no-install-recommends', 'postgresql'];
  await runLoudly('apt-get', packages, { env });
  const installed = newest();
  if (installed !== undefined) return installed;
  throw new Error(`no initdb below ${DEBIANS} after apt-get install postgresql`);
}

function newest() {
  if (!existsSync(DEBIANS)) return undefined;
  const versions = readdirSync(DEBIANS).sort((left, right) => Number(right) - Number(left));
  return versions
    .map((version) => join(DEBIANS, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}

/** Postgres refuses to run as root; nobody is whoever has no files of its own. */
function unprivileged() {
  if (process.getuid() !== 0) return undefined;
  const id = (flag) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

function asUser(user, words) {
  const die = ['setpriv', '--pdeathsig', 'QUIT'];
  if (user === undefined) return [...die, '--', ...words];
  const ids = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  return [...die, ...ids, '--', ...words];
}

function runAs(user, words) {
  const [command, ...args] = asUser(user, words);
  const run = spawnSync(command, args, { encoding: 'utf8', cwd: '/' });
  if (run.status === 0) return;
  throw new Error(`${words[0]}: ${run.error?.message ?? run.stderr.trim()}`);
}

async function ready(program, port, said) {
  const deadlineMs = Date.now() + READY_MS_MAX;
  while (Date.now() < deadlineMs) {
    const run = spawnSync(program, ['-q', '-h', '127.0.0.1', '-p', String(port)]);
    if (run.status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Postgres was not ready within ${READY_MS_MAX / 1000} s:\n${said()}`);
}
