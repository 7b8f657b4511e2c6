import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../build/paths.mjs';
import { waitingProcesses } from './waiting.mjs';

const START_MS_MAX = 15 * 60_000;
const STOP_MS_MAX = 60_000;
/** Beyond the range of an installed GozoLite, which may be running beside the tests. */
const UID_BASE = 0x71000000;
/** A launcher's slots, each with a uid of its own. */
const UIDS = 1024;

/**
 * Starts what `npm start` starts, with a state folder, socket, port and uids of its own.
 * `stop()` ends it as Ctrl-C does and gives what it left behind, in words.
 */
export async function startTestServer(say, extraEnv = {}) {
  const state = mkdtempSync(join(tmpdir(), 'gozolite-test-'));
  chmodSync(state, 0o755); // The server's user has to come through.
  const socket = join(state, 'run', 'sandboxd.sock');
  const port = await freePort();
  const uidBase = UID_BASE + port * UIDS; // No two servers have one port, so none shares uids.
  // What is made once of a toolchain takes a minute of CPU, and each test server is a new one.
  const own = {
    GOZO_CACHES: 'off',
    GOZO_STATE: state,
    GOZO_SOCKET: socket,
    GOZO_PORT: String(port),
  };
  const env = { ...clean(process.env), ...own, GOZO_UID_BASE: String(uidBase), ...extraEnv };
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Were the tests killed, the server would see the end of its supervisor.
  process.on('exit', () => child.kill('SIGTERM'));
  const report = await started(child, say).catch((error) => {
    rmSync(state, { recursive: true, force: true });
    throw error;
  });
  const pidsFile = join(state, 'run.json');
  const url = `http://127.0.0.1:${port}`;
  const server = { url, socket, state, port, uidBase, pidsFile, report };
  return { ...server, child, stop: () => stop(child, server) };
}

function started(child, say) {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new Error(`no start within ${START_MS_MAX / 60_000} minutes:\n${output}`));
    }, START_MS_MAX);
    const read = (chunk) => {
      say(chunk.trimEnd());
      output += chunk;
      if (!output.includes('Ctrl-C')) return; // The last words of the start report.
      clearTimeout(timer);
      resolve(output);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.on('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`npm start ended with ${code}:\n${output}`));
    });
  });
}

async function stop(child, server) {
  const pids = Object.entries(JSON.parse(readFileSync(server.pidsFile, 'utf8')));
  const left = [];
  if (child.exitCode === null) {
    const closed = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGINT');
    const timer = setTimeout(() => {
      left.push(`the start script had not ended ${STOP_MS_MAX / 1000} s after SIGINT`);
      child.kill('SIGKILL');
    }, STOP_MS_MAX);
    await closed;
    clearTimeout(timer);
  }
  left.push(...pids.filter(([, pid]) => existsSync(`/proc/${pid}`)).map(([name]) => name));
  if (existsSync(server.socket)) left.push(server.socket);
  left.push(...allSandboxProcesses(server.uidBase).map((pid) => `process ${pid}`));
  rmSync(server.state, { recursive: true, force: true });
  return left;
}

/** Process ids of a launcher's sandboxes, but those that wait for a request. */
export function sandboxProcesses(uidBase) {
  const all = allSandboxProcesses(uidBase);
  const waiting = waitingProcesses(all);
  return all.filter((pid) => !waiting.has(pid));
}

/** Process ids of a launcher's sandboxes, known by their uids. */
function allSandboxProcesses(uidBase) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const uid = uidOf(pid);
      return uid >= uidBase && uid < uidBase + UIDS;
    });
}

function uidOf(pid) {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? -1);
  } catch {
    return -1; // Ended since the folder was read.
  }
}

/** Without another GozoLite's settings. */
function clean(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GOZO_')));
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
