import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { cleanEnvironment } from '../start/npm-start.js';

const CLI = join(process.cwd(), 'build', 'gozo.mjs');

export interface Call {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface Running {
  readonly ended: Promise<Call>;
  /** Once a line holds these words. */
  readonly says: (words: string) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** What of the host a build must not touch. */
const HOST = ['/usr', '/etc', '/root', '/var/lib/dpkg', '/var/lib/apt', '/var/cache'];

export function gozoPacks(folder: string, args: readonly string[], before = 'true'): Running {
  return gozo(folder, ['packs', ...args], before);
}

/**
 * `gozo …` where all of these are read-only, so that any write to them is an error.
 * @param before more words of shell, with a mount namespace of the call's own
 */
export function gozo(folder: string, args: readonly string[], before = 'true'): Running {
  const frozen = HOST.map(
    (path) => `mount --bind ${path} ${path}; mount -o remount,bind,ro ${path}`,
  );
  const script = ['set -e', ...frozen, before, 'exec "$@"'].join('\n');
  const command = ['--mount', 'sh', '-c', script, 'sh', process.execPath, CLI, ...args];
  const child = spawn('unshare', command, {
    env: cleanEnvironment({ GOZO_PACKS: folder, NO_COLOR: '1' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const waiting: (() => void)[] = [];
  const keep = (chunk: string): void => {
    output += chunk;
    for (const look of waiting) look();
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const ended = new Promise<Call>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  });
  return {
    ended,
    says: (words) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(words) && resolve();
        waiting.push(look);
        look();
        void ended.then(() => reject(new Error(`never said ${words}:\n${output}`)));
      }),
    kill: (signal) => child.kill(signal),
  };
}
