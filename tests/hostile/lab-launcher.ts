import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds the launcher that can leave protections out, where it is not built yet. */
export function labLauncher(): string {
  const build = [join(import.meta.dirname, 'build-lab.mjs')];
  return execFileSync(process.execPath, build, { encoding: 'utf8' });
}
