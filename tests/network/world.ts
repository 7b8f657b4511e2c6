import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Backend } from '@gozolite/sandbox/backend';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';

/** Below the hostile suite's worlds and the launcher's own default range. */
const UID_BASE = 0x5000_0000;
const LAUNCHER =
  process.env.GOZO_TEST_LAUNCHER ?? join(import.meta.dirname, '../../build/sandboxd');

/** A host of the test's own, with a launcher in it, and an internet beyond (world.py). */
export interface World extends AsyncDisposable {
  readonly backend: Backend;
  readonly socket: string;
  /** The certificate of api.example.com, which is its own authority. */
  readonly certificate: string;
  /** Which services and names were reached, where, and how each connection ended there. */
  seen(): Promise<Seen>;
  /** Whether the host itself gets through: true, or why not. */
  reach(host: string, port: number): Promise<true | string>;
  /** Every egress process, as the host's /proc shows it. */
  egress(): Promise<readonly EgressFacts[]>;
  /** @returns how many there were */
  killEgress(): Promise<number>;
  killLauncher(): Promise<void>;
  startLauncher(): Promise<void>;
  left(): Promise<Left>;
}

export interface Seen {
  readonly reached: readonly {
    readonly place: 'host' | 'internet' | 'names';
    readonly address: string;
    readonly ended: string | null;
  }[];
  readonly asked: readonly (readonly [string, number])[];
}

export interface Left {
  readonly egress: number;
  readonly hosts: readonly string[];
  readonly descriptors: number;
}

export type EgressFacts = Readonly<Record<string, string>> & {
  readonly root: readonly string[];
};

/**
 * @param allow what the launcher permits, as `--network-allow` takes it
 * @throws what world.py said where it could not be made; it takes root, ip(8) and openssl(1)
 */
export async function startWorld(allow: readonly string[]): Promise<World> {
  requireIp();
  const folder = mkdtempSync(join(tmpdir(), 'gozo-network-'));
  makeCertificate(folder);
  const socket = join(folder, 'sandboxd.sock');
  const flags = ['--uid-base', String(UID_BASE), '--network-allow', allow.join(',')];
  const plan = { folder, socket, command: [LAUNCHER, '--socket', socket, ...flags] };
  const spaces = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc'];
  const python = ['/usr/bin/python3', '-I', join(import.meta.dirname, 'world.py')];
  const child = spawn('unshare', [...spaces, ...python, JSON.stringify(plan)]);
  const ask = await conversation(child);
  const backend = createNativeBackend({ socketPath: socket });
  return {
    backend,
    socket,
    certificate: readFileSync(join(folder, 'cert.pem'), 'utf8'),
    seen: () => ask<Seen>('seen'),
    reach: (host, port) => ask<true | string>(`reach ${host} ${port}`),
    egress: () => ask<readonly EgressFacts[]>('egress'),
    killEgress: () => ask<number>('kill-egress'),
    killLauncher: () => ask<void>('kill-launcher'),
    startLauncher: () => ask<void>('start-launcher'),
    left: () => ask<Left>('left'),
    [Symbol.asyncDispose]: async () => {
      await backend[Symbol.asyncDispose]();
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function requireIp(): void {
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' });
  } catch (cause) {
    throw new Error('the network suite makes interfaces: apt-get install iproute2', { cause });
  }
}

function makeCertificate(folder: string): void {
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=api.example.com', '-addext', 'subjectAltName=DNS:api.example.com'];
  execFileSync('openssl', ['req', '-x509', ...key, ...name, ...files], { stdio: 'ignore' });
}

/** One line asks, one line answers; the first line says that the world stands. */
async function conversation(child: ChildProcess): Promise<<T>(line: string) => Promise<T>> {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null) throw new Error('world.py has no pipes');
  let said = '';
  stderr?.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-4096);
  });
  const lines = createInterface(stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the world ended: ${said}`);
    return JSON.parse(value);
  };
  await next();
  return async (line) => {
    stdin.write(`${line}\n`);
    return next();
  };
}
