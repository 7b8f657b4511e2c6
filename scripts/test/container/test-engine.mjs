import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../build/paths.mjs';
import { makeImage } from '../../container/make-image.mjs';

const STOP_MS_MAX = 60_000;
/** Below the launchers' ranges of the other suites, one slice a process. */
const UID_BASE = 0x5000_0000;
const UIDS = 1024;
const SLICES = 4096;

/**
 * A Docker engine in the outer world of the hostile suite (tests/hostile/outer.py): mounts, process
 * ids, network and cgroups of its own, so that whatever dies here takes all of it along. Nothing of
 * the host's network is touched, and no image is ever pulled.
 */
export async function startTestEngine(say) {
  const folder = mkdtempSync(join(tmpdir(), 'gozo-engine-'));
  chmodSync(folder, 0o755); // World-readable, so that only a sandbox keeps an attack from it.
  const socket = join(folder, 'docker.sock');
  const cgroup = `gozolite-engine-${process.pid}`;
  const uidBase = UID_BASE + (process.pid % SLICES) * UIDS;
  const plan = {
    ...{ folder, cgroup, socket, serves: 'engine' },
    secret: `host-secret-${randomBytes(8).toString('hex')}`,
    command: ['/usr/sbin/dockerd', ...flagsOf({ folder, socket, cgroup })],
  };
  const outer = join(ROOT, 'tests/hostile/outer.py');
  const child = spawn('/usr/bin/python3', ['-I', outer, 'join', JSON.stringify(plan)], {
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  try {
    const { env } = await answered(child);
    const tag = 'gozolite/test';
    await makeImage({ socket, tag, uidBase: String(uidBase), usr: 'host' });
    say(`A Docker engine answers at ${socket}`);
    const world = { socket, image: tag, folder, cgroup, env };
    return { world, uidBase, stop: () => stop(child, world) };
  } catch (error) {
    await stop(child, { folder, cgroup });
    throw error;
  }
}

function flagsOf({ folder, socket, cgroup }) {
  return [
    ...['--host', `unix://${socket}`, '--data-root', join(folder, 'data')],
    ...['--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'pid')],
    ...['--cgroup-parent', `/${cgroup}/engine`, '--bridge=none', '--iptables=false'],
    ...['--ip6tables=false', '--ip-forward=false', '--ip-masq=false', '--userland-proxy=false'],
    ...['--log-level', 'warn'],
  ];
}

function answered(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-4096);
    });
    child.on('error', reject);
    child.on('close', () => reject(new Error(`the engine ended: ${said}`)));
    createInterface(child.stdout).once('line', (line) => resolve(JSON.parse(line)));
  });
}

/** The end of its input is its sign to end. @returns what is left, in words */
async function stop(child, { folder, cgroup }) {
  const left = [];
  if (child.exitCode === null && child.signalCode === null) {
    const closed = new Promise((resolve) => child.once('close', resolve));
    const timer = setTimeout(() => {
      left.push('the engine had to be killed');
      child.kill('SIGKILL');
    }, STOP_MS_MAX);
    child.stdin.end();
    await closed;
    clearTimeout(timer);
  }
  left.push(...processesWith(folder).map((pid) => `process ${pid}`));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  left.push(...mounts.filter((line) => line.includes(folder)).map((line) => `mount ${line}`));
  rmSync(folder, { recursive: true, force: true });
  if (existsSync(folder)) left.push(folder);
  for (const root of cgroupRoots()) left.push(...removeTree(join(root, cgroup)));
  return left;
}

/** dockerd, containerd and its shims name the folder on their command lines. */
function processesWith(folder) {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

function cgroupRoots() {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4]);
}

function removeTree(path) {
  if (!existsSync(path)) return [];
  const inner = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const left = inner.flatMap((entry) => removeTree(join(path, entry.name)));
  try {
    rmdirSync(path);
    return left;
  } catch (error) {
    return [...left, `cgroup ${path} (${error.code})`];
  }
}
