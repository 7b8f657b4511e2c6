import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { StartError } from '../start/errors.mjs';
import { BUILD, ROOT, TARGET } from './paths.mjs';
import { runLoudly } from './run-loudly.mjs';

/** `rust-version` of the crate. */
const CARGO_MINOR_MIN = 85;

/** Debian 12's own rustc is 1.63; these packages carry a current one (and the linker it needs). */
const DEBIAN_PACKAGES = ['rustc-web', 'cargo-web', 'gcc', 'libc6-dev'];

/** Rust's name of this machine: named, so that the flags below don't reach build scripts. */
const TRIPLE = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
/** Linked statically: fewer mappings to copy for every sandbox, and nothing to preload. */
const RUSTFLAGS = '-C target-feature=+crt-static';
/** Of what is preloaded into runtimes: it needs no library, so that it fits whichever they have. */
const OBJECT_RUSTFLAGS = '-C link-arg=-nostdlib -C link-arg=-Wl,-z,now';

/** Builds the crates and puts what they make into build/. */
export async function buildLauncher(say) {
  const cargo = findCargo() ?? (await installCargo(say));
  const args = ['build', '--release', '--locked', '--target', TRIPLE, '--target-dir', TARGET];
  const object = ['template', OBJECT_RUSTFLAGS, 'libgozo_template.so', 'sandboxd-template.so'];
  const made = [
    ['sandboxd', RUSTFLAGS, 'sandboxd', 'sandboxd'],
    // Elsewhere each runtime is booted by itself.
    ...(process.arch === 'x64' ? [object] : []),
  ];
  for (const [crate, flags, file, name] of made) {
    const env = { ...cargoEnv(cargo), RUSTFLAGS: flags };
    await runLoudly(cargo, args, { cwd: join(ROOT, 'crates', crate), env });
    const output = join(BUILD, name);
    copyFileSync(join(TARGET, TRIPLE, 'release', file), `${output}.new`);
    chmodSync(`${output}.new`, 0o755);
    renameSync(`${output}.new`, output);
  }
}

/** A cargo that is new enough, or undefined. */
export function findCargo() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = [...folders, join(homedir(), '.cargo', 'bin'), '/usr/bin'];
  return candidates
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, 'cargo'))
    .find((path) => isExecutable(path) && isNewEnough(path));
}

/** cargo finds its rustc by PATH, so its own folder comes first. */
export function cargoEnv(cargo) {
  return { ...process.env, PATH: `${dirname(cargo)}${delimiter}${process.env.PATH ?? ''}` };
}

async function installCargo(say) {
  const install = ['install', '-y', '--no-install-recommends', ...DEBIAN_PACKAGES];
  say(`Installing what builds the launcher (apt-get ${install.join(' ')}) …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runLoudly('apt-get', ['update', '-q'], { env });
  await runLoudly('apt-get', install, { env });
  const cargo = findCargo();
  if (cargo === undefined) {
    throw new StartError(
      `no cargo of version 1.${CARGO_MINOR_MIN} or newer was found, and Debian's packages ` +
        `${DEBIAN_PACKAGES.join(', ')} did not bring one; install Rust and start again`,
    );
  }
  return cargo;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there or not for us: the next candidate.
  }
}

function isNewEnough(path) {
  const run = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: 20_000,
    env: cargoEnv(path),
  });
  const match = /^cargo 1\.(\d+)\./.exec(run.stdout ?? '');
  return match !== null && Number(match[1]) >= CARGO_MINOR_MIN;
}
