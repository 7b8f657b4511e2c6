import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as esbuild from 'esbuild';
import { BUILD, ROOT } from './paths.mjs';

/** CommonJS packages inside an ES module still call these. */
const BANNER = [
  "import { createRequire as gozoCreateRequire } from 'node:module';",
  "import { fileURLToPath as gozoFileUrl } from 'node:url';",
  "import { dirname as gozoDirname } from 'node:path';",
  'const require = gozoCreateRequire(import.meta.url);',
  'const __filename = gozoFileUrl(import.meta.url);',
  'const __dirname = gozoDirname(__filename);',
].join('\n');

const PROGRAMS = [
  { entry: 'packages/server/src/main.ts', output: 'server.mjs', first: '' },
  { entry: 'packages/cli/src/main.ts', output: 'gozo.mjs', first: '#!/usr/bin/env node\n' },
];

/** Options shared by every bundle, of a program or of a script. */
export function bundleOptions(entry, output) {
  return {
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: BANNER },
    logLevel: 'warning',
    legalComments: 'none',
  };
}

export async function bundlePrograms() {
  for (const { entry, output, first } of PROGRAMS) {
    const target = join(BUILD, output);
    const options = bundleOptions(join(ROOT, entry), `${target}.new.mjs`);
    await esbuild.build({ ...options, banner: { js: `${first}${BANNER}` } });
    chmodSync(`${target}.new.mjs`, 0o755);
    renameSync(`${target}.new.mjs`, target);
  }
  copyNative();
}

/** No bundle can hold a shared object: that of the embedded store lies beside, where it is found. */
function copyNative() {
  const [from, to] = [ROOT, BUILD].map((place) => join(place, 'node_modules', '@libsql'));
  rmSync(to, { recursive: true, force: true });
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  const own = readdirSync(from).filter((name) => name.includes(`-${libc}`));
  for (const name of own) {
    const isFile = (path) => !path.endsWith('README.md');
    cpSync(join(from, name), join(to, name), { recursive: true, filter: isFile });
  }
}

/** Bundles a TypeScript script below build/scripts/ and runs it. @returns its exit code */
export async function runScript(script, args) {
  const output = join(BUILD, 'scripts', `${basename(script, '.ts')}.mjs`);
  await esbuild.build({ ...bundleOptions(script, output), packages: 'bundle' });
  const { status } = spawnSync(process.execPath, [output, ...args], {
    stdio: 'inherit',
    cwd: ROOT,
  });
  return status ?? 1;
}
