import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { installation } from '../connect.js';
import { UsageError } from '../usage-error.js';

/** `gozo serve`: the same start as `npm start`. @returns its exit code. */
export function serve(env: Readonly<NodeJS.ProcessEnv>): Promise<number> {
  const home = installation();
  const script = [join(home, 'start.mjs'), join(home, '..', 'scripts', 'start.mjs')].find(
    existsSync,
  );
  if (script === undefined) throw new UsageError(`there is no start.mjs in or beside ${home}`);
  const child = spawn(process.execPath, [script], {
    stdio: 'inherit',
    env,
  });
  // A Ctrl-C that the terminal has sent to the child as well counts once there.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
