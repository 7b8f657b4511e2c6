import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '@gozolite/attacks/attempt';
import { readCorpus } from '@gozolite/attacks/corpus';
import { accountOf, containedEnding, mismatches } from '@gozolite/attacks/ending';
import { unmetNeed } from '@gozolite/attacks/needs';
import { type Compile, createCompiler } from '@gozolite/attacks/programs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWorld, type World } from '../hostile/worlds.js';
import { makeUser, type User } from './user.js';

/**
 * The corpus against a launcher that an ordinary user started: what needs a layer that level
 * `reduced` lacks is listed here with its reason, everything else is contained as at level `full`.
 */
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(process.cwd(), 'build/sandboxd');
const ATTACKS = join(import.meta.dirname, '../../attacks');
const TEST_MS_MAX = 120_000;

type Reason =
  /** Memory that no process has mapped, in the kernel or in files, only a memory cgroup sees. */
  'UNMAPPED_MEMORY';

const BEYOND: Readonly<Record<string, Reason>> = {
  'memory-in-memfd': 'UNMAPPED_MEMORY',
  'memory-in-pipes': 'UNMAPPED_MEMORY',
  'memory-in-segments': 'UNMAPPED_MEMORY',
};

const corpus = readCorpus(ATTACKS);
let user: User;
let world: World;
let compileC: Compile;

beforeAll(async () => {
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: npm run build`);
  user = makeUser();
  world = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 8888, user });
  compileC = createCompiler(world.backend, ATTACKS);
}, TEST_MS_MAX);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  user?.[Symbol.dispose]();
});

test('the diagnosis names every layer that is missing, and nothing else is', () => {
  const missing = world.diagnosis.missing.map(({ layer }) => layer).filter((l) => l !== 'landlock');
  expect(missing).toEqual(['own-uid', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids']);
});

test('what is beyond this level is in the corpus, and is few', () => {
  const ids = corpus.map(({ id }) => id);
  for (const [id, reason] of Object.entries(BEYOND)) {
    expect(ids).toContain(id);
    console.warn(`${id}: not contained at level reduced: ${reason}`);
  }
  expect(Object.keys(BEYOND).length).toBeLessThanOrEqual(3);
});

describe('the corpus at level reduced', () => {
  for (const attack of corpus.filter(({ id }) => !(id in BEYOND))) {
    test(`${attack.id} is contained`, { timeout: TEST_MS_MAX }, async () => {
      const unmet = unmetNeed(attack)?.detail;
      if (unmet !== undefined) return console.warn(`${attack.id}: not testable here: ${unmet}`);
      const seen = await attempt(world, attack, compileC);
      expect(mismatches(containedEnding(attack), seen), accountOf(seen)).toEqual([]);
      expect(mismatches(attack.succeeds, seen), 'both endings match').not.toEqual([]);
    });
  }
});
