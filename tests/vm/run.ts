import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCorpus } from '@gozolite/attacks/corpus';
import { readCases } from '../limits/cases.js';
import { CASES } from './cases.js';
import { buildImage } from './image.js';
import { getKernel, installMachine } from './kernel.js';
import { runMachine } from './machine.js';
import { compileAll, sourcesOf } from './programs.js';
import { parseLine, type Row, tableOf } from './row.js';
import { surfaceId } from './surface.js';

/**
 * Hostile and limit cases on a kernel with cgroup v2 alone, in a virtual machine, whatever this
 * host has: node scripts/run.mjs tests/vm/run.ts [case ...]; `smoke` stands for ten of them. The
 * last line is the count.
 */
const ROOT = process.cwd();
const FOLDER = join(ROOT, 'build/vm');
const ATTACKS = join(ROOT, 'attacks');
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(ROOT, 'build/sandboxd');
const MEMORY_MIB = 2048;
const LIMITS = join(ROOT, 'tests/limits/cases');
const EXPECTED = join(ROOT, 'tests/surface/expected');
/** Ids of the host's limits suite that say nothing here. */
const ELSEWHERE = {
  'limit-memory-told': 'the guest runs from its first file system, whose pages no cgroup counts',
};
const MACHINE_MS_MAX = 1_500_000;
/** It takes some ten seconds on a quiet host. */
const UP_MS_MAX = 120_000;
const BOOTS_MAX = 3;
/** One of each kind, for every day. */
const SMOKE = [
  ...['cgroup-v2', 'isolation-facts', 'cancel', 'launcher-killed', 'memory-hog', 'fork-bomb'],
  ...['limit-memory-c-past', 'limit-processes-c-at', 'limit-wall-time-bash-past'],
  surfaceId('x86_64.calls.yaml'),
];
/** CommonJS packages inside an ES module still call it. */
const BANNER =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

async function main(only: readonly string[]): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  installMachine();
  const kernel = getKernel(FOLDER);
  const corpus = readCorpus(ATTACKS);
  const limits = readCases(LIMITS);
  const codes = limits.filter(({ language }) => language === 'c').map(({ code }) => code);
  compileAll([...sourcesOf(corpus), ...codes], ATTACKS, join(FOLDER, 'programs'));
  const image = buildImage({ folder: FOLDER, modules: kernel.modules, content: content(only) });
  const surface = readdirSync(EXPECTED).sort().map(surfaceId);
  const expected = [...[...CASES, ...limits, ...corpus].map(({ id }) => id), ...surface];
  const wanted = expected.filter((id) => only.length === 0 || only.includes(id));
  const rows = await boot(kernel.image, image);
  report(rows, [...wanted, 'launcher-end']);
}

function content(only: readonly string[]) {
  const guest = join(FOLDER, 'guest.mjs');
  const esbuild = join(ROOT, 'node_modules/.bin/esbuild');
  const options = [
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--target=node20',
    '--log-level=warning',
  ];
  execFileSync(
    esbuild,
    ['tests/vm/guest.ts', ...options, `--banner:js=${BANNER}`, `--outfile=${guest}`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  writeFileSync(join(FOLDER, 'only'), only.join(' '));
  const probe = join(FOLDER, 'probe');
  execFileSync('gcc', ['-O1', '-static', '-o', probe, join(ROOT, 'tests/surface/probe.c')]);
  return [
    { from: join(ROOT, 'tests/vm/init.sh'), to: 'init' },
    { from: LAUNCHER, to: 'vm/sandboxd' },
    { from: guest, to: 'vm/guest.mjs' },
    { from: join(FOLDER, 'only'), to: 'vm/only' },
    { from: join(ROOT, 'tests/hostile/outer.py'), to: 'vm/outer.py' },
    { from: '/usr/bin/newuidmap', to: 'usr/bin/newuidmap' },
    { from: '/usr/bin/newgidmap', to: 'usr/bin/newgidmap' },
    { from: join(FOLDER, 'programs'), to: 'vm/programs' },
    { from: ATTACKS, to: 'attacks' },
    { from: LIMITS, to: 'vm/limits' },
    { from: EXPECTED, to: 'vm/surface/expected' },
    { from: probe, to: 'vm/surface/probe' },
  ];
}

async function boot(kernel: string, image: string, tries = BOOTS_MAX): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let isDone = false;
  const startedMs = performance.now();
  const { isInTime, isUp, lastLines } = await runMachine({
    kernel,
    image,
    memoryMib: MEMORY_MIB,
    msMax: MACHINE_MS_MAX,
    upMsMax: UP_MS_MAX,
    onLine: (line) => {
      const parsed = parseLine(line);
      if (parsed === 'done') isDone = true;
      else if (parsed !== undefined) rows.push(parsed);
    },
  });
  if (!isUp && tries > 1) {
    process.stdout.write('the machine did not come up: once more\n');
    return boot(kernel, image, tries - 1);
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const end = isInTime ? 'ended' : 'was killed at its deadline';
  process.stdout.write(`the machine ${end} after ${seconds} s, ${rows.length} cases\n`);
  if (!isDone) process.stdout.write(`its console's end:\n${lastLines.join('\n')}\n`);
  return rows;
}

function report(rows: readonly Row[], wanted: readonly string[]): void {
  process.stdout.write(`${tableOf(rows)}\n\n`);
  const untested = rows.filter(({ untestable }) => untestable !== undefined);
  const tested = rows.filter(({ untestable }) => untestable === undefined);
  const failures = tested.filter(({ problems }) => problems.length > 0);
  for (const { id, problems } of failures) {
    process.stdout.write(`FAILED ${id}\n${problems.map((each) => `  ${each}\n`).join('')}`);
  }
  const silent = wanted.filter((id) => !rows.some((row) => row.id === id));
  for (const id of silent) process.stdout.write(`FAILED ${id}\n  the guest did not report it\n`);
  for (const { id, untestable } of untested) {
    process.stdout.write(`not testable in this guest: ${id} (${untestable})\n`);
  }
  for (const [id, reason] of Object.entries(ELSEWHERE)) {
    process.stdout.write(`not testable in this guest: ${id} (${reason})\n`);
  }
  const failed = failures.length + silent.length;
  process.stdout.write(`${tested.length - failures.length} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

const [first, ...rest] = process.argv.slice(2);
await main(first === 'smoke' ? SMOKE : [first ?? [], rest].flat());
