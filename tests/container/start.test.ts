import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../scripts/test/test-server.mjs';
import { testEngine } from './world.js';

const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));

test('npm start with GOZO_BACKEND=container makes an image and starts a server', async () => {
  const state = mkdtempSync(join(tmpdir(), 'gozo-start-'));
  chmodSync(state, 0o755);
  const port = await freePort();
  const env = {
    ...process.env,
    GOZO_BACKEND: 'container',
    GOZO_ISOLATION_FLOOR: 'container',
    GOZO_DOCKER_SOCKET: testEngine().socket,
    GOZO_CONTAINER_IMAGE: 'gozolite/started',
    GOZO_STATE: state,
    GOZO_SOCKET: join(state, 'absent.sock'),
    GOZO_PORT: String(port),
  };
  const child = spawn(process.execPath, [START], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(state, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  const asked = await readyAt(url, ended);
  expect(asked).toBe(true);
  const response = await fetch(`${url}/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language: 'bash', code: 'echo $((21 * 2))' }),
  });
  expect(await response.json()).toMatchObject({
    status: 'ok',
    stdout: '42\n',
    isolation: { backend: 'container', level: 'container' },
  });
  const pids = JSON.parse(readFileSync(join(state, 'run.json'), 'utf8'));
  expect(Object.keys(pids)).toEqual(['supervisor', 'server']);
});

async function readyAt(url: string, ended: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return true;
    await setTimeout(100);
  }
  return false;
}
