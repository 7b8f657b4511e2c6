import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { cargoEnv } from '../../build/build-launcher.mjs';
import { TARGET } from '../../build/paths.mjs';
import { runLoudly } from '../../build/run-loudly.mjs';

/** Where the tools of `test:all` are built to, beside everything else that cargo builds. */
const TOOLS = join(TARGET, 'tools');

/** cargo's environment, with our own tools to be found. */
export function toolsEnv(cargo) {
  const env = cargoEnv(cargo);
  return { ...env, PATH: `${join(TOOLS, 'bin')}${delimiter}${env.PATH}` };
}

/** Installs a subcommand of cargo from the registry, unless it is there; minutes, once. */
export async function ensureCargoTool(cargo, { name, version }, say) {
  const env = toolsEnv(cargo);
  const words = [name.replace('cargo-', ''), '--version'];
  if (spawnSync(cargo, words, { env }).status === 0) return env;
  say(`Installing ${name} ${version} into target/tools …`);
  const args = ['install', '--locked', `${name}@${version}`, '--root', TOOLS];
  await runLoudly(cargo, [...args, '--target-dir', join(TOOLS, 'target')], { env });
  return env;
}
