#!/usr/bin/env node
// `npm test` (every suite once), `npm run test:all` (and soak, kills, benchmarks, with
// docs/verification.md at the end), `node scripts/test.mjs --only units,readme`.
// `--record` puts what ran into docs/verification.md, as --all does. What stands behind `--` is
// Vitest's: `node scripts/test.mjs --only service -- away -t keys`.
// The last line is `N passed, N failed`.
import { ensureDependencies } from './build/dependencies.mjs';
import { runSuites } from './test/run-suites.mjs';
import { SUITES, suitesFor } from './test/suites.mjs';
import { writeVerification } from './test/verification.mjs';

const say = (line) => process.stdout.write(`${line}\n`);
const given = process.argv.slice(2);
const end = given.indexOf('--');
const options = readOptions(end < 0 ? given : given.slice(0, end));
await ensureDependencies(say);
const results = await runSuites(suitesFor(options), say, options.all);
if (options.record)
  writeVerification(
    results,
    SUITES.map(({ name }) => name),
  );
const passed = sum(results.map((result) => result.passed));
const failed = sum(results.map((result) => result.failed));
say(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

function readOptions(args) {
  const all = args.includes('--all');
  const at = args.indexOf('--only');
  const only = at < 0 ? null : (args[at + 1] ?? '').split(',');
  const known = new Set(SUITES.map(({ name }) => name));
  const unknown = (only ?? []).filter((name) => !known.has(name));
  if (unknown.length === 0 && oddWords(args).length === 0) {
    return { all, only, record: all || args.includes('--record') };
  }
  process.stderr.write(
    `usage: test.mjs [--all] [--record] [--only ${[...known].join(',')} [-- FILE -t NAME]]\n`,
  );
  process.exit(64);
}

function oddWords(args) {
  return args.filter(
    (arg, at) => !['--all', '--only', '--record'].includes(arg) && args[at - 1] !== '--only',
  );
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
