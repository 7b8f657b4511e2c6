#!/usr/bin/env node
// Runs a TypeScript script: bundles it below build/scripts/ and hands it the other arguments.
import { resolve } from 'node:path';
import { runScript } from './build/bundle.mjs';

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write('usage: node scripts/run.mjs <script.ts> [arguments]\n');
  process.exit(64);
}
process.exit(await runScript(resolve(script), args));
