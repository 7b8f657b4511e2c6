import { type ChildProcess, spawn } from 'node:child_process';

/** What a program said last, where it ends before its time. */
const SAID_BYTES_MAX = 4096;
/** After SIGTERM; then SIGKILL. */
const GRACE_MS = 3000;

/** A program of ours that lives as long as one call. */
export interface Child extends AsyncDisposable {
  /** Rejects once the program ends by itself, with what it said. */
  readonly ended: Promise<never>;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** More of setpriv's options: user, capabilities. */
  readonly confine?: readonly string[];
}

/**
 * Starts a program in a process group of its own, so that a Ctrl-C reaches it only through us.
 * setpriv(1) has the kernel end it should we be killed (PR_SET_PDEATHSIG, prctl(2)).
 */
export function startChild(
  name: string,
  { command, args, env, confine = [] }: ChildOptions,
): Child {
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...confine, '--', command, ...args], {
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-SAID_BYTES_MAX);
  });
  const exited = exitOf(child);
  const ended = exited.then((how): never => {
    throw new Error(`${name} ended (${how})${said.trim() === '' ? '' : `:\n${said.trim()}`}`);
  });
  // Where nobody waits for it, its end is no unhandled rejection.
  ended.catch(() => {});
  return {
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}
