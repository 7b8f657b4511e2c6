import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../scripts/test/test-server.mjs';
import { eventually } from '../server-under-test.js';

const ROOT = join(import.meta.dirname, '..', '..');
const LOGGED_MS_MAX = 20_000;

/** The server that npm start runs, by itself, at a launcher of the test's. */
export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  /** Every line of its log until now. */
  readonly log: readonly string[];
}

export interface ServerPlan {
  readonly socket: string;
  /** Where it keeps what it knows: whoever comes after it starts with that. */
  readonly data: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Shell words that come before it, such as `ulimit -n 64; exec`. */
  readonly before?: string;
}

export async function planServer(socket: string): Promise<ServerPlan> {
  return { socket, data: mkdtempSync(join(tmpdir(), 'gozo-faults-data-')), port: await freePort() };
}

/** Gives it as soon as it listens, whatever its launcher does. */
export async function startServer(plan: ServerPlan): Promise<Server> {
  const { socket, data, port, env = {}, before = 'exec' } = plan;
  const program = [process.execPath, join(ROOT, 'build', 'server.mjs')];
  const child = spawn('/bin/bash', ['-c', `${before} "$0" "$@"`, ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...{ PATH: process.env.PATH, GOZO_SOCKET: socket, GOZO_DATA: data },
      ...{ GOZO_PORT: String(port), GOZO_REFRESH_MS: '0', GOZO_SMOKES: 'false', ...env },
    },
  });
  const end = () => child.kill('SIGKILL');
  process.on('exit', end);
  child.once('exit', () => process.off('exit', end));
  const log: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => log.push(line));
  const server = { url: `http://127.0.0.1:${port}`, child, log };
  await logged(server, '"listening"');
  return server;
}

/** Waits until so many lines of its log have these words. */
export async function logged(server: Server, words: string, times = 1): Promise<void> {
  await eventually(`${times} times ${words} in the server's log`, LOGGED_MS_MAX, () => {
    const { exitCode } = server.child;
    if (exitCode !== null) throw new Error(`the server ended with ${exitCode}`);
    return timesLogged(server, words) >= times || undefined;
  });
}

export const timesLogged = ({ log }: Server, words: string): number =>
  log.filter((line) => line.includes(words)).length;

export async function killServer({ child }: Server): Promise<void> {
  const exit = once(child, 'exit');
  if (child.kill('SIGKILL')) await exit;
}

/** HTTP status and record; `closed` where the connection was. */
export async function execute({ url }: Server, request: object): Promise<string> {
  try {
    const answer = await fetch(`${url}/execute`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const record = (await answer.json()) as Record<string, unknown>;
    const said = record.status === 'ok' ? record.stdout : JSON.stringify(record);
    return `${answer.status} ${record.status}: ${said}`;
  } catch {
    return 'closed';
  }
}
