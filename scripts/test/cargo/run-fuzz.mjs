import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cargoEnv } from '../../build/build-launcher.mjs';
import { ROOT, TARGET } from '../../build/paths.mjs';
import { runChecked } from '../run-command.mjs';
import { ensureCargoTool } from './cargo-tools.mjs';
import { requireCargo, runCargoTests } from './run-cargo.mjs';

const CARGO_FUZZ = { name: 'cargo-fuzz', version: '0.13.2' };
const CORPUS = join(ROOT, 'fixtures', 'fuzz', 'launcher');
const CRATE = join(ROOT, 'crates', 'sandboxd', 'fuzz');
const CPU_SECONDS = 2 * 60;
const CPU_SECONDS_LONG = 30 * 60;
const INPUT_SECONDS_MAX = 5;
const INPUT_BYTES_MAX = 65_536;

/**
 * The kept corpus, then seeded changes of it, on stable Rust. GOZO_FUZZ_CPU_SECONDS: how long, of
 * two threads together.
 */
export function runSeededFuzz(say, cpuSeconds = process.env.GOZO_FUZZ_CPU_SECONDS ?? CPU_SECONDS) {
  const env = { GOZO_FUZZ_CPU_SECONDS: String(cpuSeconds) };
  return runCargoTests(say, ['fuzz', '--nocapture'], { profile: 'fuzz', env });
}

/** 30 CPU minutes: half of them libFuzzer's, which sees the code it covers, where it can be had. */
export async function runLongFuzz(say) {
  const cargo = requireCargo();
  if (!hasNightly(cargo)) {
    say('NOT RUN: libFuzzer: no nightly Rust here; the seeded engine takes the whole time');
    return runSeededFuzz(say, CPU_SECONDS_LONG);
  }
  const seeded = await runSeededFuzz(say, CPU_SECONDS_LONG / 2);
  const { passed, failed } = await runLibFuzzer(cargo, say);
  return { passed: seeded.passed + passed, failed: seeded.failed + failed };
}

async function runLibFuzzer(cargo, say) {
  const env = await ensureCargoTool(cargo, CARGO_FUZZ, say);
  const found = mkdtempSync(join(tmpdir(), 'gozolite-fuzz-'));
  const target = ['--fuzz-dir', CRATE, '--target-dir', join(TARGET, 'libfuzzer'), 'connection'];
  const bounds = [
    `-max_total_time=${CPU_SECONDS_LONG / 2}`,
    `-timeout=${INPUT_SECONDS_MAX}`,
    `-max_len=${INPUT_BYTES_MAX}`,
    '-print_final_stats=1',
    '-verbosity=0',
  ];
  try {
    const args = ['+nightly', 'fuzz', 'run', ...target, found, CORPUS, '--', ...bounds];
    return await runChecked(cargo, args, env);
  } finally {
    rmSync(found, { recursive: true, force: true });
  }
}

/** rustup's cargo takes `+nightly`; Debian's has no other toolchain. */
function hasNightly(cargo) {
  return spawnSync(cargo, ['+nightly', '--version'], { env: cargoEnv(cargo) }).status === 0;
}
