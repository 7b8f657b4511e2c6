import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { serverAnswers, socketAnswers } from './answers.mjs';
import { EXIT_CONFIG, StartError } from './errors.mjs';
import { openLogFile } from './log-file.mjs';
import { launcherProgram, serverProgram } from './programs.mjs';
import { supervise } from './supervise.mjs';

/** The first start looks for every toolchain. */
const READY_MS_MAX = 120_000;
/** npm passes on a Ctrl-C that the terminal has sent to us already: that is one, not two. */
const SAME_SIGNAL_MS = 1_000;
const STDERR_LINES_KEPT = 20;
/** Levels of the server's log that a person at the console should see. */
const LEVELS_SHOWN = new Set(['error', 'fatal']);

/** Runs launcher and server until a signal; resolves when both are gone and nothing is left. */
export async function runService({ settings, installed, say }, whenReady) {
  const socketFolder = dirname(settings.socket);
  const madeSocketFolder = !existsSync(socketFolder);
  mkdirSync(socketFolder, { recursive: true, mode: 0o755 });
  mkdirSync(join(settings.state, 'log'), { recursive: true, mode: 0o750 });
  const state = { ready: false, pids: { supervisor: process.pid } };
  const signalled = signals(say);
  const running = [];
  const start = (program) => {
    const started = startProgram({ settings, state, say }, program);
    running.unshift(started); // Ended in the other order: the server drains while it can.
    return started.failed;
  };
  try {
    await runUntilSignal({ settings, installed, state, start, signalled }, whenReady);
  } finally {
    signalled.controller.abort();
    signalled.onForce(() => {
      for (const program of running) program.kill();
    });
    for (const program of running) await program.stop();
    rmSync(join(settings.state, 'run.json'), { force: true });
    if (madeSocketFolder) removeIfEmpty(socketFolder);
  }
  say('Stopped.');
}

/** Returns at the first signal; throws where a part does not come up, or can't go on. */
async function runUntilSignal({ settings, installed, state, start, signalled }, whenReady) {
  const { signal } = signalled.controller;
  const failures = settings.engine === null ? [start(launcherProgram(settings, installed))] : [];
  const step = (promise) => Promise.race([promise, signalled.promise, ...failures]);
  const until = (what, look) => step(waitUntil(what, look, signal));
  if (settings.engine === null) await until('launcher', () => socketAnswers(settings.socket));
  if (signal.aborted) return;
  failures.push(start(serverProgram(settings, installed)));
  await until('server', () => serverAnswers(settings, '/readyz'));
  if (signal.aborted) return;
  state.ready = true;
  await step(whenReady());
  await step(new Promise(() => {}));
}

function startProgram({ settings, state, say }, program) {
  const log = openLogFile(join(settings.state, 'log', `${program.name}.log`));
  const lastWords = [];
  let fail;
  const failed = new Promise((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // Looked at only while somebody waits for it.
  const supervised = supervise(program, {
    onStart: (pid) => recordPid(settings, state, program.name, pid),
    onLine: (stream, line) => {
      log.write(`${line}\n`);
      if (stream === 'stderr') keep(lastWords, line);
      const text = state.ready ? forConsole(stream, line) : null;
      if (text !== null) say(`${program.name}: ${text}`);
    },
    onDeath: ({ code, signal }) => {
      const how = signal === null ? `ended with code ${code}` : `was killed by ${signal}`;
      if (state.ready && code !== EXIT_CONFIG) {
        say(`The ${program.name} ${how}; starting it again.`);
        return true;
      }
      const words = lastWords.length === 0 ? '' : `:\n${lastWords.join('\n')}`;
      fail(new StartError(`the ${program.name} ${how}${words}`, code === EXIT_CONFIG ? code : 1));
      return false;
    },
  });
  const stop = async () => {
    await supervised.stop(program.graceMs);
    log.close();
  };
  return { failed, stop, kill: supervised.kill };
}

function keep(lines, line) {
  lines.push(line);
  if (lines.length > STDERR_LINES_KEPT) lines.shift();
}

/** What a person should see: errors. The rest is in the log files. */
function forConsole(stream, line) {
  if (stream === 'stderr') return line;
  try {
    const { level, msg, error } = JSON.parse(line);
    return LEVELS_SHOWN.has(level) ? [msg, error?.message].filter(Boolean).join(': ') : null;
  } catch {
    return null; // Not a log entry; it is in the file.
  }
}

function recordPid(settings, state, name, pid) {
  state.pids[name] = pid;
  const path = join(settings.state, 'run.json');
  try {
    writeFileSync(`${path}.new`, JSON.stringify(state.pids), { mode: 0o644 });
    renameSync(`${path}.new`, path);
  } catch {
    // A full disk must not end the service; the file then names a program that died.
    rmSync(`${path}.new`, { force: true });
  }
}

async function waitUntil(what, look, signal) {
  const deadlineMs = Date.now() + READY_MS_MAX;
  while (Date.now() < deadlineMs) {
    if (signal.aborted || (await look())) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new StartError(`the ${what} did not answer within ${READY_MS_MAX / 1000} s; see its log`);
}

/** The first signal asks for the end; a later one, by hand, does not wait for the drain. */
function signals(say) {
  const controller = new AbortController();
  let firstMs = 0;
  let force = () => {};
  const promise = new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(name, () => {
        if (firstMs === 0) {
          firstMs = Date.now();
          say('\nStopping: running executions end first (again to stop at once) …');
          controller.abort();
          resolve();
        } else if (Date.now() - firstMs > SAME_SIGNAL_MS) force();
      });
    }
  });
  const onForce = (kill) => {
    force = kill;
  };
  return { promise, controller, onForce };
}

function removeIfEmpty(folder) {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else put something there; it is theirs to remove.
  }
}
