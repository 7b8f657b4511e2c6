import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from '../build/paths.mjs';
import { environmentFor, runShown } from './run-command.mjs';

const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
/** Behind `--`: files and names, for who works on one test. */
const CHOSEN = process.argv.slice(process.argv.indexOf('--') + 1 || Infinity);

/** Runs one project of vitest.config.ts. A skipped test counts as failed: no silent skips. */
export async function runVitest(project, server, variables = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-vitest-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  try {
    const args = [VITEST, 'run', '--project', project, ...reporters, ...CHOSEN];
    const { code } = await runShown(process.execPath, args, {
      ...environmentFor(server),
      ...variables,
    });
    return countsOf(JSON.parse(readFileSync(report, 'utf8')), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countsOf(report, code) {
  const passed = report.numPassedTests;
  const skipped = CHOSEN.includes('-t') ? 0 : report.numPendingTests + report.numTodoTests;
  // A file that could not even be loaded has no tests that could fail.
  const broken = report.testResults.filter(
    (file) =>
      file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + skipped + broken;
  if (skipped > 0) process.stdout.write(`${skipped} skipped tests count as failed\n`);
  const failures = report.testResults.flatMap(failuresOf);
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, failures };
}

/** Each test that failed, and what it said first; of a file that was not loaded, why. */
function failuresOf({ name: file, message, assertionResults }) {
  const where = relative(ROOT, file);
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  const rows = failed.map(({ fullName, failureMessages }) => [fullName, failureMessages[0]]);
  if (rows.length === 0 && message) rows.push(['not loaded', message]);
  return rows.map(([name, said = '']) => `${where}: ${name}\n${beginningOf(said)}`);
}

const SAID_LINES_MAX = 12;
const SAID_CHARACTERS_MAX = 1500;

function beginningOf(text) {
  const lines = text.slice(0, SAID_CHARACTERS_MAX).split('\n').slice(0, SAID_LINES_MAX);
  return lines.map((line) => `    ${line}`).join('\n');
}
