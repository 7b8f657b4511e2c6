import { spawn } from 'node:child_process';
import { ROOT } from '../build/paths.mjs';

const CHARS_KEPT = 1024 * 1024;

/** Runs a command with its output shown; gives how it ended and the end of what it wrote. */
export function runShown(command, args, env = process.env) {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const show = (chunk) => {
      process.stdout.write(chunk);
      output = (output + chunk).slice(-CHARS_KEPT);
    };
    child.stdout.setEncoding('utf8').on('data', show);
    child.stderr.setEncoding('utf8').on('data', show);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** A command that is one test: it passes or fails as a whole. */
export async function runChecked(command, args, env = process.env) {
  const { code } = await runShown(command, args, env);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

/** A script that counts for itself and says `N passed, N failed` on its last line. */
export async function runCounted(args, server, variables = {}) {
  const env = { ...environmentFor(server), ...variables };
  const { code, output } = await runShown(process.execPath, args, env);
  const match = /^(\d+) passed, (\d+) failed$/.exec(output.trimEnd().split('\n').at(-1) ?? '');
  if (match === null) throw new Error(`${args.at(-1)} ended with ${code} and without its counts`);
  const [passed, failed] = [Number(match[1]), Number(match[2])];
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

/** The server under test, for the programs that test it. */
export function environmentFor(server) {
  if (!server) return process.env;
  return {
    ...process.env,
    GOZO_TEST_URL: server.url,
    GOZO_TEST_SOCKET: server.socket,
    GOZO_TEST_STATE: server.state,
    GOZO_TEST_PIDS: server.pidsFile,
    GOZO_TEST_UID_BASE: String(server.uidBase),
  };
}
