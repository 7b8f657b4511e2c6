// Builds the launcher that can leave protections out, and prints where it is. Never shipped.
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cargoEnv, findCargo } from '../../scripts/build/build-launcher.mjs';
import { BUILD, ROOT, TARGET } from '../../scripts/build/paths.mjs';
import { runLoudly } from '../../scripts/build/run-loudly.mjs';

const cargo = findCargo();
if (cargo === undefined) throw new Error('no cargo: npm start installs one');
const target = join(TARGET, 'attack-lab');
const folder = join(BUILD, 'attack-lab');
const program = join(folder, 'sandboxd');
const args = ['build', '--release', '--locked', '--features', 'attack-lab', '--target-dir', target];
await runLoudly(cargo, args, { cwd: join(ROOT, 'crates', 'sandboxd'), env: cargoEnv(cargo) });
mkdirSync(folder, { recursive: true });
copyFileSync(join(target, 'release', 'sandboxd'), `${program}.new`);
chmodSync(`${program}.new`, 0o755);
renameSync(`${program}.new`, program);
process.stdout.write(program);
