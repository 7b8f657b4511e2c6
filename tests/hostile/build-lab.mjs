// Builds a launcher that can be weakened (attack-lab: leaves protections out; fault-lab: stops at a
// step), and prints where it is. Never shipped.
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cargoEnv, findCargo } from '../../scripts/build/build-launcher.mjs';
import { BUILD, ROOT, TARGET } from '../../scripts/build/paths.mjs';
import { runLoudly } from '../../scripts/build/run-loudly.mjs';

const cargo = findCargo();
if (cargo === undefined) throw new Error('no cargo: npm start installs one');
const feature = process.argv[2] ?? 'attack-lab';
const target = join(TARGET, 'labs');
const folder = join(BUILD, feature);
const program = join(folder, 'sandboxd');
const args = ['build', '--release', '--locked', '--features', feature, '--target-dir', target];
await runLoudly(cargo, args, { cwd: join(ROOT, 'crates', 'sandboxd'), env: cargoEnv(cargo) });
mkdirSync(folder, { recursive: true });
copyFileSync(join(target, 'release', 'sandboxd'), `${program}.new`);
chmodSync(`${program}.new`, 0o755);
renameSync(`${program}.new`, program);
process.stdout.write(program);
