import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** All that is built, apart from cargo's own target folder. */
export const BUILD = join(ROOT, 'build');
export const TARGET = join(ROOT, 'target');
