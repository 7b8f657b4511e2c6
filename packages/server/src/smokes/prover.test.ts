import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoLanguage } from '@gozolite/languages/demo-language';
import type { Claim } from '@gozolite/languages/offers/offer';
import { HOST, recipeOf } from '@gozolite/languages/recipe';
import { smokesOf } from '@gozolite/languages/smokes/smokes';
import { createLogger } from '@gozolite/telemetry/logger';
import { afterEach, beforeEach, test } from 'vitest';
import { type Attempt, createProver } from './prover.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prover-'));
  writeFileSync(join(folder, 'tool'), 'one');
});
afterEach(() => rmSync(folder, { recursive: true }));

const language = demoLanguage();
const [hello] = smokesOf(language);
assert.ok(hello);

/** As the registry makes it: a new object with each look. */
function claimOf(version = '1', program = hello): Claim {
  const tool = join(folder, 'tool');
  const recipe = recipeOf(language, { version, paths: { tool } }, HOST);
  return { language: 'demo', recipe, files: [tool], ...(program && { hello: program }) };
}

function prover(ends: (claim: Claim) => Attempt | undefined) {
  const tried: string[] = [];
  const made = createProver({
    attempt: async (claim) => {
      tried.push(claim.recipe.version);
      return ends(claim);
    },
    file: join(folder, 'sub', 'smokes.json'),
    log: createLogger({ level: 'silent', to: 'stdout' }),
  });
  return { ...made, tried };
}
const passes = (): Attempt => ({ passed: true, took: { run: 3000 } });
const fails = (): Attempt => ({ passed: false, why: 'stdout' });

test('pending until it has ended, then passed, and never tried again', async () => {
  const { prove, proofOf, tried } = prover(passes);
  assert.equal(proofOf(claimOf()).kind, 'pending');
  await prove([claimOf()]);
  assert.equal(proofOf(claimOf()).kind, 'passed');
  await prove([claimOf(), claimOf('2')]);
  assert.deepEqual(tried, ['1', '2']);
});

test('the next start knows what passed, and tries what did not', async () => {
  await prover(passes).prove([claimOf('1')]);
  await prover(fails).prove([claimOf('2')]);
  const { prove, proofOf, tried } = prover(passes);
  assert.equal(proofOf(claimOf('1')).kind, 'passed');
  assert.equal(proofOf(claimOf('2')).kind, 'pending');
  await prove([claimOf('1'), claimOf('2')]);
  assert.deepEqual(tried, ['2']);
});

test('what failed says why, and is tried with each look', async () => {
  const { prove, proofOf, tried } = prover(fails);
  await prove([claimOf()]);
  assert.deepEqual(proofOf(claimOf()), { kind: 'failed', reason: 'stdout' });
  await prove([claimOf()]);
  assert.equal(tried.length, 2);
});

test('a changed toolchain, program or expectation is another one', async () => {
  const { prove, proofOf, tried } = prover(passes);
  await prove([claimOf()]);
  writeFileSync(join(folder, 'tool'), 'another');
  assert.equal(proofOf(claimOf()).kind, 'pending');
  await prove([claimOf()]);
  assert.ok(hello);
  const changed = { ...hello, expect: { ...hello.expect, stdout: 'other\n' } };
  await prove([claimOf('1', changed)]);
  assert.equal(tried.length, 3);
});

test('where nothing could be run, nothing is known', async () => {
  const { prove, proofOf } = prover(() => undefined);
  await prove([claimOf()]);
  assert.equal(proofOf(claimOf()).kind, 'pending');
});

test('without a first program there is nothing to prove', async () => {
  const { prove, proofOf, tried } = prover(fails);
  const { hello: _, ...claim } = claimOf();
  await prove([claim]);
  assert.equal(proofOf(claim).kind, 'passed');
  assert.deepEqual(tried, []);
});

test('two at once, and one that throws stops no other look', async () => {
  let [now, most] = [0, 0];
  const { prove, proofOf } = createProver({
    attempt: async ({ recipe }) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
      if (recipe.version === '3') throw new Error('an error of ours');
      return passes();
    },
    file: join(folder, 'smokes.json'),
    log: createLogger({ level: 'silent', to: 'stdout' }),
  });
  await prove(['1', '2', '3', '4'].map((version) => claimOf(version)));
  assert.equal(most, 2);
  await prove([claimOf('5')]);
  assert.equal(proofOf(claimOf('5')).kind, 'passed');
});

test('what a first program took is known, also after the next start', async () => {
  const first = prover(passes);
  assert.equal(first.tookOf(claimOf().recipe), undefined);
  await first.prove([claimOf()]);
  assert.deepEqual(first.tookOf(claimOf().recipe), { run: 3000 });
  const second = prover(fails);
  await second.prove([claimOf()]);
  assert.deepEqual(second.tookOf(claimOf().recipe), { run: 3000 });
  assert.equal(second.tookOf(claimOf('2').recipe), undefined);
});

test('a file of an older version is no memory of what passed', async () => {
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'smokes.json'), '["0123"]');
  const { prove, tried } = prover(passes);
  await prove([claimOf()]);
  assert.deepEqual(tried, ['1']);
});
