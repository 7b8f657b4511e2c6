import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';
import { runLoudly } from './run-loudly.mjs';

/** Runs `npm ci` where node_modules is absent or older than the lock file. */
export async function ensureDependencies(say) {
  // npm writes this file last, so a half-finished install does not count as one.
  const installed = modifiedMs(join(ROOT, 'node_modules', '.package-lock.json'));
  if (installed >= modifiedMs(join(ROOT, 'package-lock.json'))) return;
  say('Installing npm packages (npm ci) …');
  await runLoudly('npm', ['ci', '--no-audit', '--no-fund'], { cwd: ROOT });
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
