import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/test/test-server.mjs';
import { eventually } from '../server-under-test.js';
import { get } from './client.js';

export const BUILD = fileURLToPath(new URL('../../build/', import.meta.url));

export interface OwnServer extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  /** Exit code, and what it said to people. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly stderr: string }>;
}

/** A server of this test alone, with its own settings, at the launcher of the one under test. */
export async function startOwnServer(env: Record<string, string>): Promise<OwnServer> {
  const socket = process.env.GOZO_TEST_SOCKET;
  assert.ok(socket, 'GOZO_TEST_SOCKET is not set: node scripts/test.mjs --only integration');
  const data = mkdtempSync(join(tmpdir(), 'gozolite-own-'));
  // As at any later start: to look for some 170 toolchains once more is none of a test's business.
  const known = join(process.env.GOZO_TEST_STATE ?? '', 'data', 'detection.json');
  cpSync(known, join(data, 'detection.json'));
  const port = await freePort();
  const own = { GOZO_PORT: String(port), GOZO_SOCKET: socket, GOZO_DATA: data };
  // Not by each of them: the first programs of all languages are seconds of a CPU.
  const settings = { ...own, GOZO_SMOKES: 'false', ...env };
  const server = spawnServer(settings);
  const url = `http://127.0.0.1:${port}`;
  const ready = eventually(`a server on ${url}`, 60_000, async () => {
    const readiness = await get<{ ready: boolean }>('/readyz', url).catch(() => undefined);
    return readiness?.ready === true ? true : undefined;
  });
  const failed = server.ended.then(({ stderr }) => assert.fail(`it ended: ${stderr}`));
  failed.catch(() => {});
  const dispose = async () => {
    server.child.kill('SIGKILL');
    await server.ended;
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await Promise.race([ready, failed]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { ...server, url, [Symbol.asyncDispose]: dispose };
}

export function spawnServer(
  env: Record<string, string>,
  flags: readonly string[] = [],
): Pick<OwnServer, 'child' | 'ended'> {
  const child = spawn(process.execPath, [join(BUILD, 'server.mjs'), ...flags], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const ended = new Promise<{ exitCode: number | null; stderr: string }>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, stderr }));
  });
  return { child, ended };
}
