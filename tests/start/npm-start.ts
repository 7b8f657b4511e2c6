import { spawn } from 'node:child_process';

export interface Started {
  readonly output: () => string;
  /** Milliseconds from the call to the last line of the start report. */
  readonly reportMs: number;
  readonly pid: number;
  readonly ended: Promise<number | null>;
}

type Environment = Readonly<Record<string, string>>;

/** Without another GozoLite's settings and without what the surrounding npm adds. */
export function cleanEnvironment(extra: Environment): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(GOZO_|npm_|VITEST)/.test(name));
  return { ...Object.fromEntries(own), ...extra };
}

/** Runs a command until its start report is complete, in a process group of its own. */
export async function startFrom(
  folder: string,
  command: readonly string[],
  env: Environment,
): Promise<Started> {
  const startedMs = performance.now();
  const { child, output, ended } = launch(folder, command, env);
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => {
      if (output().includes('Ctrl-C')) resolve();
    });
    ended.then((code) => reject(new Error(`ended with ${code}:\n${output()}`)));
  });
  const reportMs = performance.now() - startedMs;
  return { output, reportMs, pid: child.pid ?? 0, ended };
}

/** Runs a start that should refuse; gives its exit code and words. */
export async function refusedStart(
  folder: string,
  command: readonly string[],
  env: Environment,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { output, ended } = launch(folder, command, env);
  const code = await ended;
  return { code, output: output() };
}

function launch(folder: string, [program = '', ...args]: readonly string[], env: Environment) {
  let text = '';
  const child = spawn(program, args, {
    cwd: folder,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const keep = (chunk: string): void => {
    text += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, output: () => text, ended };
}
