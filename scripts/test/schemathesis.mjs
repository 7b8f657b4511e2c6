import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD, ROOT } from '../build/paths.mjs';
import { runLoudly } from '../build/run-loudly.mjs';

const PINS = join(ROOT, 'tests', 'contract', 'requirements.txt');

/**
 * Schemathesis of the pinned version from PyPI, in a virtual environment of its own below build/.
 * @returns the program
 */
export async function installSchemathesis(say) {
  const digest = createHash('sha256').update(readFileSync(PINS)).digest('hex').slice(0, 16);
  const folder = join(BUILD, 'schemathesis', digest);
  const program = join(folder, 'bin', 'schemathesis');
  const done = join(folder, 'installed');
  if (existsSync(done)) return program;
  say('Installing Schemathesis (pip, in an environment of its own) …');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await makeEnvironment(folder, say);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', PINS];
  await runLoudly(join(folder, 'bin', 'python'), pip);
  writeFileSync(done, ''); // Last: an install that was cut off does not count.
  return program;
}

/** Debian's Python comes without what makes environments. */
async function makeEnvironment(folder, say) {
  try {
    await runLoudly('python3', ['-m', 'venv', folder]);
  } catch (error) {
    if (process.getuid() !== 0) throw error;
    say('Installing python3-venv (apt-get) …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await runLoudly('apt-get', ['update', '-q'], { env });
    const packages = ['install', '-y', '--no-install-recommends', 'python3-venv'];
    await runLoudly('apt-get', packages, { env });
    await runLoudly('python3', ['-m', 'venv', '--clear', folder]);
  }
}
