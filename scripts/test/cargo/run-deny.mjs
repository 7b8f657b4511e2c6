import { join } from 'node:path';
import { ROOT } from '../../build/paths.mjs';
import { runChecked } from '../run-command.mjs';
import { ensureCargoTool } from './cargo-tools.mjs';
import { requireCargo } from './run-cargo.mjs';

/** The newest that Rust 1.85 builds. */
const CARGO_DENY = { name: 'cargo-deny', version: '0.18.3' };
const CRATE = join(ROOT, 'crates', 'sandboxd');

/** Licences, sources and bans of the launcher's crates, against crates/sandboxd/deny.toml. */
export async function runCargoDeny(say) {
  const cargo = requireCargo();
  const env = await ensureCargoTool(cargo, CARGO_DENY, say);
  say('NOT RUN: cargo deny check advisories: their database is a git repository, not a registry');
  const where = ['--offline', '--manifest-path', join(CRATE, 'Cargo.toml')];
  const checks = ['check', '--config', join(CRATE, 'deny.toml'), 'licenses', 'bans', 'sources'];
  return runChecked(cargo, ['deny', ...where, ...checks], env);
}
