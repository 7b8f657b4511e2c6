import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { BUILD, ROOT } from '../build/paths.mjs';

const GIB = 1024 ** 3;

const PAGE = join(ROOT, 'docs', 'verification.md');

/**
 * Writes docs/verification.md: what was tested, when, at which commit, with the figures. Suites
 * that were not run keep the row of their last run, which says its own commit and day.
 * @param names of all suites, in their order
 */
export function writeVerification(results, names) {
  const rows = lastRows();
  const when = `${new Date().toISOString().slice(0, 10)} | ${commit()}`;
  for (const { name, passed, failed, minutes, note } of results) {
    const cells = [name, passed, failed, minutes.toFixed(1), when, note];
    rows.set(name, `| ${cells.join(' | ')} |`);
  }
  const order = [...new Set([...names, ...results.map(({ name }) => name)])];
  const text = [
    '# Verification',
    '',
    'Written by `npm run test:all`, and a row by `--only <suite> --record`; not edited by hand.',
    '',
    `On ${machine()}.`,
    '',
    '| suite | passed | failed | minutes | day | commit | note |',
    '|---|---|---|---|---|---|---|',
    ...order.flatMap((name) => rows.get(name) ?? []),
    '',
    ...figures(),
  ].join('\n');
  writeFileSync(PAGE, text);
}

/** The rows of the page as it stands, by suite; those of an older form say no commit and go. */
function lastRows() {
  const lines = existsSync(PAGE) ? readFileSync(PAGE, 'utf8').split('\n') : [];
  const rows = lines.map((line) => /^\| ([a-z -]+) \| \d+ \| \d+ \| [\d.]+ \| \d{4}-/.exec(line));
  return new Map(rows.flatMap((row) => (row === null ? [] : [[row[1], row.input]])));
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
