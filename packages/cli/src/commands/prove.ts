import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '../connect.js';
import { UsageError } from '../usage-error.js';

/**
 * `gozo doctor --prove`: every attack contained, its twin at work, and the attack's success without
 * its protection. That takes a weakened build of the launcher, which is never shipped, so it needs
 * a clone. What succeeds does so inside cgroups and namespaces of the suite's own (outer.py), never
 * on the bare host.
 * @returns the suite's exit code
 */
export function prove(): Promise<number> {
  const clone = join(installation(), '..');
  const vitest = join(clone, 'node_modules/vitest/vitest.mjs');
  if (!existsSync(join(clone, 'tests/hostile/outer.py')) || !existsSync(vitest)) {
    throw new UsageError(
      '--prove needs a clone of the repository: it builds a launcher without protections, which ' +
        'is never installed. In a clone: npm ci && npm run build && sudo node build/gozo.mjs ' +
        'doctor --prove',
    );
  }
  const args = [vitest, 'run', '--project', 'hostile'];
  const suite = spawn(process.execPath, args, { cwd: clone, stdio: 'inherit' });
  // A Ctrl-C reaches it by the terminal; what is sent to us alone has to be passed on.
  process.once('SIGTERM', () => suite.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    suite.once('error', reject);
    suite.once('close', (code) => resolve(code === 0 ? 0 : 1));
  });
}
