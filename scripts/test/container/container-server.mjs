import { spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILD } from '../../build/paths.mjs';
import { freePort } from '../test-server.mjs';

const NOBODY = 65534;
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 60_000;

/** A server that has no launcher and no privilege, but may use the engine's socket. */
export async function startContainerServer(engine, say) {
  const state = mkdtempSync(join(tmpdir(), 'gozo-container-'));
  chmodSync(state, 0o755);
  const [program, data] = [join(state, 'program'), join(state, 'data')];
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, NOBODY, NOBODY);
  for (const name of ['server.mjs', 'languages', 'node_modules']) {
    cpSync(join(BUILD, name), join(program, name), { recursive: true });
  }
  const { socket, image } = engine.world;
  chownSync(socket, NOBODY, NOBODY);
  const port = await freePort();
  const settings = {
    GOZO_BACKEND: 'container',
    GOZO_ISOLATION_FLOOR: 'container',
    GOZO_DOCKER_SOCKET: socket,
    GOZO_CONTAINER_IMAGE: image,
    GOZO_DATA: data,
    GOZO_PORT: String(port),
    GOZO_REFRESH_MS: '0',
  };
  const child = start(program, settings);
  const url = `http://127.0.0.1:${port}`;
  const stop = () => end(child, state);
  try {
    await ready(child, url);
  } catch (error) {
    await stop();
    throw error;
  }
  say(`A server with containers listens on ${url}`);
  const pidsFile = join(state, 'run.json');
  return { underTest: { url, socket, state, pidsFile, uidBase: engine.uidBase }, stop };
}

function start(program, settings) {
  const ids = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  const rights = ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];
  const command = [...ids, ...rights, '--', process.execPath, join(program, 'server.mjs')];
  const env = { PATH: '/usr/bin:/bin', ...settings };
  const child = spawn('setpriv', command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      child.said = (child.said + text).slice(-8192);
    });
  }
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}

async function ready(child, url) {
  const deadline = Date.now() + READY_MS_MAX;
  let last = 'it did not answer';
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${child.said}`);
    try {
      const answer = await fetch(`${url}/readyz`);
      const { ready: isReady, detail } = await answer.json();
      if (isReady) return;
      last = detail;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the server was not ready: ${last}\n${child.said}`);
}

async function end(child, state) {
  const left = [];
  if (child.exitCode === null && child.signalCode === null) {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      left.push('the server had not ended after SIGTERM');
      child.kill('SIGKILL');
    }, STOP_MS_MAX);
    await closed;
    clearTimeout(timer);
  }
  rmSync(state, { recursive: true, force: true });
  if (existsSync(state)) left.push(state);
  return left;
}
