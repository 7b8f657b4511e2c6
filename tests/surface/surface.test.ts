import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWorld, type World } from '../hostile/worlds.js';
import { isAnswer, mismatch, type Probe, readExpected } from './expected.js';
import { answersTo, compileProbe } from './probing.js';

/**
 * Every system call number, by every door, and the arguments that decide, from inside a real
 * sandbox: what comes back is what expected/ says. The same calls without a filter show that the
 * reviewed answers tell a refusal from the kernel's own word.
 */
const ROOT = join(import.meta.dirname, '../..');
const EXPECTED = join(import.meta.dirname, 'expected');
const POLICIES = join(ROOT, 'crates/sandboxd/policies/seccomp');
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(ROOT, 'build/sandboxd');
const TEST_MS_MAX = 120_000;
const BUILD_MS_MAX = 600_000;
/** What only the filter may answer for: without it a call would reach this host's kernel. */
const CALLS = 'x86_64.calls.yaml';
const SWEEP = 'every call';

let world: World;
let program: Uint8Array;

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('this suite makes cgroups: it wants root');
  if (process.arch !== 'x64') throw new Error('expected/ holds the calls of x86_64 only');
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: npm run build`);
  world = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 20_000 });
  program = await compileProbe(world);
}, TEST_MS_MAX);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, TEST_MS_MAX);

for (const name of readdirSync(EXPECTED).sort()) {
  describe(name, () => {
    const probes = readExpected(join(EXPECTED, name));
    for (const sweep of new Set(probes.map((probe) => probe.sweep))) {
      const swept = probes.filter((probe) => probe.sweep === sweep);
      test(`${sweep}: ${swept.length} values`, { timeout: TEST_MS_MAX }, async () => {
        const answers = await answersTo(swept, { world, program });
        expect(swept.flatMap((probe, at) => mismatch(probe, answers[at]))).toEqual([]);
      });
    }
  });
}

describe('policies', () => {
  for (const name of readdirSync(POLICIES)) {
    test(`every group and check of ${name} says why`, () => {
      const { groups, checks } = JSON.parse(readFileSync(join(POLICIES, name), 'utf8'));
      expect(groups.length + checks.length).toBeGreaterThan(5);
      for (const { reason, syscalls } of [...groups, ...checks]) {
        expect(reason.join(' '), syscalls.join(' ')).toMatch(/\w{3}/);
      }
    });
  }
});

describe('without the filter', () => {
  test(
    'allowed calls answer the same, refused ones otherwise',
    async () => {
      const build = [join(ROOT, 'tests/hostile/build-lab.mjs')];
      const lab = execFileSync(process.execPath, build, { encoding: 'utf8' });
      const probes = readExpected(join(EXPECTED, CALLS)).filter(({ sweep }) => sweep === SWEEP);
      const plan = { launcher: lab, leaveOut: ['seccomp'], number: 20_001 };
      const open = await startWorld(plan);
      const answers = await answersTo(probes, { world: open, program }).finally(() =>
        open[Symbol.asyncDispose](),
      );
      expect(probes.flatMap((probe, at) => unfounded(probe, answers[at]))).toEqual([]);
      const told = probes.filter((probe, at) => !isAnswer(probe, answers[at]));
      // All but those that every kernel refuses anybody in a sandbox.
      expect(told.length).toBeGreaterThan(80);
    },
    BUILD_MS_MAX,
  );
});

/** A reviewed row that the kernel without a filter contradicts. */
function unfounded(probe: Probe, answer = 'none'): string[] {
  const { value, name, fate, answers } = probe;
  const same = isAnswer(probe, answer);
  if (fate === 'allowed' && !same) return [`${value} ${name}: ${answer}, not ${answers.join()}`];
  // A kernel that lacks the call says ENOSYS too.
  const isRefused = fate === 'refused' && answer !== 'ENOSYS';
  return isRefused && same ? [`${value} ${name}: ${answer} without the filter too`] : [];
}
