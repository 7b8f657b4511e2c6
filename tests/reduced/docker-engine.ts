import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../server-under-test.js';

const DOCKERD = '/usr/sbin/dockerd';
const READY_MS_MAX = 60_000;
/** Nothing of the host's network is touched: containers here have none. */
const WITHOUT_NETWORK = ['--bridge=none', '--iptables=false', '--ip6tables=false'];

/** A Docker engine of this test's own: its data, socket and containerd are in one folder. */
export interface DockerEngine extends AsyncDisposable {
  /** Runs `docker` and gives its exit code and all that it said. */
  docker(...args: readonly string[]): { readonly code: number | null; readonly output: string };
  /** Imports a folder as an image with these changes (docker import --change). */
  importTree(root: string, name: string, changes: readonly string[]): void;
}

export async function startDockerEngine(): Promise<DockerEngine> {
  if (!existsSync(DOCKERD)) installDocker();
  const folder = mkdtempSync('/tmp/gozolite-docker-');
  const host = `unix://${join(folder, 'socket')}`;
  const log = openSync(join(folder, 'log'), 'a');
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')];
  const own = [...places, '-H', host, '--pidfile', join(folder, 'pid')];
  const dockerd = spawn(DOCKERD, [...own, ...WITHOUT_NETWORK], { stdio: ['ignore', log, log] });
  closeSync(log);
  const docker: DockerEngine['docker'] = (...args) => {
    // The engine's own builder: buildx is a package of its own.
    const env = { ...process.env, DOCKER_BUILDKIT: '0' };
    const run = spawnSync('docker', ['-H', host, ...args], { encoding: 'utf8', env });
    return { code: run.status, output: run.stdout + run.stderr };
  };
  const end = async (): Promise<void> => {
    await ended(dockerd);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually('dockerd answers', READY_MS_MAX, () => {
      if (dockerd.exitCode !== null) throw new Error(`dockerd ended: see ${folder}/log`);
      return docker('version').code === 0 || undefined;
    });
  } catch (error) {
    await ended(dockerd);
    throw error;
  }
  return {
    docker,
    importTree: (root, name, changes) => {
      const flags = changes.flatMap((change) => ['--change', change]);
      const quoted = [...flags, '-', name].map((word) => `'${word}'`).join(' ');
      execFileSync('bash', [
        '-c',
        `tar -C "$0" -c . | docker -H "$1" import ${quoted}`,
        root,
        host,
      ]);
    },
    [Symbol.asyncDispose]: end,
  };
}

function installDocker(): void {
  const options = ['install', '-y', '--no-install-recommends', 'docker.io'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-q'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('apt-get', options, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** It ends its containers and containerd by itself. */
async function ended(dockerd: ChildProcess): Promise<void> {
  if (dockerd.exitCode !== null || dockerd.signalCode !== null) return;
  dockerd.kill('SIGTERM');
  await once(dockerd, 'exit');
}
