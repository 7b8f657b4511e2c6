import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Compile, createCompiler } from '@gozolite/attacks/programs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWorld, type World } from '../hostile/worlds.js';
import { readCases } from './cases.js';
import { accountOf, tryCase } from './trial.js';

/** Every limit on both sides of its bound, in C, Bash and Python: tests/vm runs the same ids. */
const ROOT = join(import.meta.dirname, '../..');
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(ROOT, 'build/sandboxd');
const TEST_MS_MAX = 120_000;

let world: World;
let compileC: Compile;

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('this suite makes cgroups: it wants root');
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: npm run build`);
  world = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 21_000 });
  compileC = createCompiler(world.backend, join(ROOT, 'attacks'));
}, TEST_MS_MAX);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, TEST_MS_MAX);

describe('limits', () => {
  for (const each of readCases(join(import.meta.dirname, 'cases'))) {
    test(`${each.id}: ${each.what}`, { timeout: TEST_MS_MAX }, async () => {
      const { result, problems } = await tryCase(each, { world, compileC, slower: 1 });
      expect(problems, accountOf(result)).toEqual([]);
    });
  }
});
