#!/usr/bin/env node
// `npm run build`: server, CLI and launcher into build/, where their sources changed.
import { build } from './build/build.mjs';

build((line) => process.stdout.write(`${line}\n`)).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
