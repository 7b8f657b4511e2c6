import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { PackError } from '../pack-error.js';

/** What a tool said last, for the error. */
const SAID_BYTES_MAX = 2000;
const OUTPUT_BYTES_MAX = 64 << 20;

export interface Tool {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal: AbortSignal;
  /** Lines that the tool writes to descriptor 3. */
  readonly onStatus?: (line: string) => void;
}

export interface ToolAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end; one that fails is a PackError with what it said last. */
export async function runTool(name: string, tool: Tool): Promise<string> {
  const { exitCode, stdout, stderr } = await askTool(tool);
  if (exitCode === 0) return stdout;
  const said = (stderr.trim() === '' ? stdout : stderr).trim().slice(-SAID_BYTES_MAX);
  throw new PackError(`${name} failed (exit code ${exitCode})${said === '' ? '' : `:\n${said}`}`);
}

/**
 * Runs a tool in a process group of its own, so that a Ctrl-C reaches it only through us. setpriv(1)
 * has the kernel end it should we be killed (PR_SET_PDEATHSIG, prctl(2)).
 */
export async function askTool(tool: Tool): Promise<ToolAnswer> {
  const { command, env, cwd = '/', signal, onStatus } = tool;
  signal.throwIfAborted();
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', onStatus === undefined ? 'ignore' : 'pipe'],
  });
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end);
  try {
    const status = child.stdio[3];
    if (onStatus !== undefined && status !== null && status !== undefined) {
      createInterface({ input: status as Readable }).on('line', onStatus);
    }
    const [stdout, stderr, exitCode] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      new Promise<number>((resolve, reject) => {
        child.once('error', (error) => {
          reject(new PackError(`${command[0]} can't be started: ${error.message}`));
        });
        child.once('close', (code) => resolve(code ?? 128));
      }),
    ]);
    signal.throwIfAborted();
    return { exitCode, stdout, stderr };
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function textOf(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    bytes += chunk.length;
    // What is beyond is read and forgotten, so that the tool is not held up.
    if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
