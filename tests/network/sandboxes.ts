import { createHash, randomUUID } from 'node:crypto';
import type { Limits } from '@gozolite/contract/limits';
import type { NetworkPolicy } from '@gozolite/contract/network';
import type { SandboxCommand, SandboxResult } from '@gozolite/sandbox/backend';
import type { World } from './world.js';

const LIMITS: Limits = {
  wall_time_ms: 30_000,
  cpu_time_ms: 10_000,
  memory_kb: 128 * 1024,
  stack_kb: 8 * 1024,
  cpus: 1,
  output_kb: 256,
  disk_kb: 8 * 1024,
  file_kb: 8 * 1024,
  processes: 32,
  open_files: 256,
};
const CAPS = { bytesMax: 1_000_000, connectionsMax: 32, timeMsMax: 20_000 };

export type Caps = Partial<Omit<NetworkPolicy, 'allow'>>;

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly result: SandboxResult;
  /** Each connection as `host:port outcome`. */
  readonly log: readonly string[];
}

/** Runs a Python program that may connect to these targets. */
export async function python(
  world: World,
  code: string,
  { allow, caps, ...more }: { allow: readonly string[]; caps?: Caps } & StartOptions,
): Promise<Ran> {
  return start(world, code, { allow, ...(caps === undefined ? {} : { caps }), ...more }).ended;
}

export interface StartOptions {
  readonly limits?: Partial<Limits>;
}

/** The same, to be cancelled on the way; `spoke` comes with its first output. */
export function start(
  world: World,
  code: string,
  { allow, caps, limits }: { allow: readonly string[]; caps?: Caps } & StartOptions,
) {
  const abort = new AbortController();
  let speak = () => {};
  const spoke = new Promise<void>((resolve) => {
    speak = resolve;
  });
  const command = commandOf(code, { ...LIMITS, ...limits }, { ...CAPS, ...caps, allow });
  const running = world.backend.run(command, { signal: abort.signal, onOutput: () => speak() });
  const ended = running.then(ranOf).finally(() => speak());
  return { ended, spoke, cancel: () => abort.abort() };
}

function ranOf(result: SandboxResult): Ran {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  const log = (result.connections ?? []).map((each) => `${each.host}:${each.port} ${each.outcome}`);
  return { stdout: text(result.stdout), stderr: text(result.stderr), result, log };
}

function commandOf(code: string, limits: Limits, network: NetworkPolicy): SandboxCommand {
  const recipe = {
    rootfs: 'host',
    command: ['/usr/bin/python3', '-I', '-u', '-c'] as const,
    env: { PATH: '/usr/bin', LC_ALL: 'C.UTF-8' },
  };
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  return {
    id: `network/${randomUUID()}`,
    recipe: { ...recipe, digest },
    args: [`${PRELUDE}\n${code}`],
    env: {},
    limits,
    files: [],
    stdin: new Uint8Array(0),
    keepOutput: false,
    artifacts: [],
    ...(network.allow.length === 0 ? {} : { network }),
  };
}

/** What every program of this suite says in short. */
const PRELUDE = `
import errno, os, socket, sys, time
def connect(host, port):
    return socket.create_connection((host, port), timeout=20)
def said(host, port):
    try:
        with connect(host, port) as connection:
            connection.sendall(b'hello')
            return connection.recv(100).decode() or 'ended'
    except socket.gaierror:
        return 'unknown name'
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
`;
