import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

const RESTART_MS_MIN = 50;
const RESTART_MS_MAX = 10_000;
/** A program that lived this long starts anew without waiting. */
const HEALTHY_MS = 10_000;
/** A line without an end is cut here, so that no output fills our memory. */
const LINE_CHARS_MAX = 64 * 1024;

/**
 * Keeps one program running: starts it, starts it again when it dies (waiting twice as long each
 * time, at most 10 s), until `stop`.
 * @param program `{ name, command, args, env }`
 * @param hooks `onLine(stream, line)`, `onStart(pid)`, `onDeath({ code, signal })` → restart or not
 */
export function supervise(program, hooks) {
  let child;
  let stopping = false;
  let timer;
  let waitMs = 0;
  let closed = Promise.resolve();

  function start() {
    const startedMs = Date.now();
    // Detached: a terminal's Ctrl-C goes to us alone, and we end the programs in order.
    child = spawn(program.command, program.args, {
      cwd: '/',
      env: program.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    readLines(child.stdout, (line) => hooks.onLine('stdout', line));
    readLines(child.stderr, (line) => hooks.onLine('stderr', line));
    closed = new Promise((resolve) => {
      child.on('error', (error) => {
        hooks.onLine('stderr', `${program.name}: ${error.message}`);
        resolve();
      });
      child.on('close', (code, signal) => {
        resolve();
        if (stopping || !hooks.onDeath({ code, signal })) return;
        waitMs = Date.now() - startedMs > HEALTHY_MS ? 0 : next(waitMs);
        timer = setTimeout(start, waitMs);
      });
    });
    if (child.pid !== undefined) hooks.onStart(child.pid);
  }

  async function stop(graceMs) {
    stopping = true;
    clearTimeout(timer);
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await closed;
    clearTimeout(force);
  }

  start();
  return { stop, kill: () => child.kill('SIGKILL') };
}

function next(waitMs) {
  return Math.min(RESTART_MS_MAX, waitMs === 0 ? RESTART_MS_MIN : waitMs * 2);
}

function readLines(stream, onLine) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX);
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
