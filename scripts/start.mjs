#!/usr/bin/env node
// `npm start`: installs and builds what is missing, installs a version below the state folder,
// and keeps launcher and server running until Ctrl-C or SIGTERM.
import { build } from './build/build.mjs';
import { ensureDependencies } from './build/dependencies.mjs';
import { hasSources } from './build/paths.mjs';
import { StartError } from './start/errors.mjs';
import { installVersion } from './start/install-version.mjs';
import { acquireLocks } from './start/locks.mjs';
import { printReport } from './start/report.mjs';
import { runService } from './start/service.mjs';
import { readSettings, requireRights } from './start/settings.mjs';

async function main() {
  requireRights(process.env);
  const settings = readSettings(process.env);
  const say = (line) => process.stdout.write(`${line}\n`);
  const locks = await acquireLocks(settings);
  try {
    if (hasSources()) {
      await ensureDependencies(say);
      await build(say);
    }
    if (settings.engine !== null) {
      // Not among the parts of a GozoLite that itself lies in a container's image.
      const { prepareImage } = await import('./container/prepare-image.mjs');
      await prepareImage(settings.engine, say);
    }
    const installed = installVersion(settings);
    await runService({ settings, installed, say }, () => printReport(settings, say));
  } finally {
    locks.release();
  }
}

// A terminal or pipe that went away must not keep a shutdown from finishing.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

main().then(
  () => process.exit(0),
  (error) => {
    const text = error instanceof StartError ? error.message : String(error?.stack ?? error);
    process.stderr.write(`GozoLite did not start: ${text}\n`);
    process.exit(error instanceof StartError ? error.exitCode : 70);
  },
);
