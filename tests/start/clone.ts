import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = process.cwd();

/** A clone of this work tree, uncommitted files included, in a home that only root can enter. */
export function cloneIntoClosedHome(): { readonly home: string; readonly clone: string } {
  const home = mkdtempSync('/tmp/gozolite-home-');
  chmodSync(home, 0o700);
  const clone = join(home, 'gozolite');
  copyTracked(clone, []);
  return { home, clone };
}

/** Copies the files that a clone would have, or those below some of its folders. */
export function copyTracked(to: string, folders: readonly string[]): void {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...folders];
  const run = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`git ls-files: ${run.error?.message ?? run.stderr}`);
  for (const path of run.stdout.split('\0').filter((each) => each !== '')) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(join(ROOT, path), join(to, path), { preserveTimestamps: true });
  }
}
