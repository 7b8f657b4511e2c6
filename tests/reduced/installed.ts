import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = process.cwd();

/** What was built and what starts it, as an image carries it: nothing to build from. */
export const PARTS = [
  'scripts/start.mjs',
  'scripts/start',
  'scripts/build',
  'build/server.mjs',
  'build/gozo.mjs',
  'build/sandboxd',
  'build/node_modules',
  'build/sandboxd-template.so',
  'build/languages',
] as const;

export interface Installed extends Disposable {
  readonly folder: string;
  readonly start: readonly [string, ...string[]];
}

/** A copy of these parts that every user can read. */
export function install(): Installed {
  const folder = mkdtempSync('/tmp/gozolite-parts-');
  for (const part of PARTS) {
    mkdirSync(join(folder, part, '..'), { recursive: true });
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  spawnSync('chmod', ['-R', 'a+rX', folder]);
  return {
    folder,
    start: [process.execPath, join(folder, 'scripts/start.mjs')],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
