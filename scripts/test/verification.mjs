import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { BUILD, ROOT } from '../build/paths.mjs';

const GIB = 1024 ** 3;

/** Writes docs/verification.md: what was tested, when, at which commit, with the figures. */
export function writeVerification(results) {
  const rows = results.map(({ name, passed, failed, minutes, note }) => {
    return `| ${name} | ${passed} | ${failed} | ${minutes.toFixed(1)} | ${note} |`;
  });
  const text = [
    '# Verification',
    '',
    'Written by `npm run test:all`; not edited by hand.',
    '',
    `${new Date().toISOString().slice(0, 10)}, commit ${commit()}, on ${machine()}.`,
    '',
    '| suite | passed | failed | minutes | note |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    ...figures(),
  ].join('\n');
  writeFileSync(join(ROOT, 'docs', 'verification.md'), text);
}

function commit() {
  const git = (...args) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' }).stdout.trim();
  const changed = git('status', '--porcelain', '--', '.', ':!docs/verification.md') !== '';
  const hash = git('rev-parse', '--short=12', 'HEAD');
  return changed ? `\`${hash}\` with uncommitted changes` : `\`${hash}\``;
}

function machine() {
  const memory = `${Math.round(totalmem() / GIB)} GiB`;
  return `Linux ${release()} ${arch()}, ${cpus().length} CPUs, ${memory}`;
}

/** Each benchmark leaves its table at build/figures/<name>.md. */
function figures() {
  const folder = join(BUILD, 'figures');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((name) => [readFileSync(join(folder, name), 'utf8').trimEnd(), '']);
}
