import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** All that is built, apart from cargo's own target folder. */
export const BUILD = join(ROOT, 'build');
export const TARGET = join(ROOT, 'target');

/** An image carries what was built and nothing to build it from (deploy/docker/Dockerfile). */
export function hasSources() {
  return existsSync(join(ROOT, 'package-lock.json'));
}
