import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cargoEnv, findCargo } from '../../build/build-launcher.mjs';
import { TARGET } from '../../build/paths.mjs';
import { runLoudly } from '../../build/run-loudly.mjs';
import { runChecked, runShown } from '../run-command.mjs';

const ARM64 = 'aarch64-unknown-linux-gnu';

/** Debian's names of what belongs to its cargo-web. */
const LINT_PACKAGES = ['rust-web-clippy', 'rustfmt-web'];

/**
 * @param words handed to the test program: a filter, or `--skip` and one
 * @param how another profile than the usual one, and more of an environment
 */
export async function runCargoTests(_say, words, how = {}) {
  const cargo = requireCargo();
  const { profile = 'test', env = {} } = how;
  const build = ['--locked', '--workspace', '--profile', profile, '--target-dir', TARGET];
  const args = ['test', ...build, '--', ...words];
  const { code, output } = await runShown(cargo, args, { ...cargoEnv(cargo), ...env });
  const lines = output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm);
  const total = { passed: 0, failed: 0 };
  for (const [, passed, failed, ignored] of lines) {
    total.passed += Number(passed);
    total.failed += Number(failed) + Number(ignored);
  }
  return { ...total, failed: code !== 0 && total.failed === 0 ? 1 : total.failed };
}

/** clippy (a warning is an error) and rustfmt, each one test. */
export async function runCargoLint(say) {
  const cargo = requireCargo();
  await ensureLinters(cargo, say);
  const env = cargoEnv(cargo);
  const target = ['--target-dir', TARGET];
  const everything = ['--locked', '--workspace', '--all-targets', '--all-features'];
  const runs = [
    ['clippy', ...target, ...everything, '--', '-D', 'warnings'],
    ['fmt', '--all', '--check'],
  ];
  const total = { passed: 0, failed: 0 };
  if (hasArm64(cargo)) {
    runs.push(['check', '--locked', '--target', ARM64, ...target]);
  } else {
    say(
      `NOT RUN: cargo check for ${ARM64}: this Rust has no library for it (no rustup, no internet)`,
    );
  }
  for (const args of runs) {
    const { passed, failed } = await runChecked(cargo, args, env);
    total.passed += passed;
    total.failed += failed;
  }
  return total;
}

/** Whether this Rust can check for arm64; rustup is asked for what that takes. */
function hasArm64(cargo) {
  const env = cargoEnv(cargo);
  spawnSync('rustup', ['target', 'add', ARM64], { env, stdio: 'inherit' });
  const rustc = join(dirname(cargo), 'rustc');
  const found = spawnSync(rustc, ['--print', 'target-libdir', '--target', ARM64], {
    env,
    encoding: 'utf8',
  });
  return found.status === 0 && existsSync(found.stdout.trim());
}

async function ensureLinters(cargo, say) {
  const has = (name) =>
    spawnSync(cargo, [name, '--version'], { env: cargoEnv(cargo) }).status === 0;
  if (has('clippy') && has('fmt')) return;
  if (!cargo.startsWith('/usr/bin/')) {
    throw new Error(`${cargo} has no clippy or rustfmt: rustup component add clippy rustfmt`);
  }
  say(`Installing ${LINT_PACKAGES.join(' and ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runLoudly('apt-get', ['update', '-q'], { env });
  await runLoudly('apt-get', ['install', '-y', '--no-install-recommends', ...LINT_PACKAGES], {
    env,
  });
}

export function requireCargo() {
  const cargo = findCargo();
  if (cargo === undefined)
    throw new Error('no cargo of version 1.85 or newer; npm run build gets it');
  return cargo;
}
