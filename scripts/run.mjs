#!/usr/bin/env node
// Runs a TypeScript script: bundles it below build/scripts/ and hands it the other arguments.
import { spawnSync } from 'node:child_process';
import { basename, join, resolve } from 'node:path';
import * as esbuild from 'esbuild';
import { bundleOptions } from './build/bundle.mjs';
import { BUILD, ROOT } from './build/paths.mjs';

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write('usage: node scripts/run.mjs <script.ts> [arguments]\n');
  process.exit(64);
}
const output = join(BUILD, 'scripts', `${basename(script, '.ts')}.mjs`);
await esbuild.build({ ...bundleOptions(resolve(script), output), packages: 'bundle' });
const run = spawnSync(process.execPath, [output, ...args], { stdio: 'inherit', cwd: ROOT });
process.exit(run.status ?? 1);
