import { join } from 'node:path';
import { attempt, attemptTwin } from '@gozolite/attacks/attempt';
import { readCorpus } from '@gozolite/attacks/corpus';
import {
  accountOf,
  containedEnding,
  type Evidence,
  mismatches,
  twinEnding,
} from '@gozolite/attacks/ending';
import { unmetNeed } from '@gozolite/attacks/needs';
import { createCompiler } from '@gozolite/attacks/programs';
import { afterAll, describe, expect, test } from 'vitest';
import { notApplicable, REASONS } from './not-applicable.js';
import { containerPlace } from './world.js';

/**
 * Every attack of attacks/ is contained by a container as well, and its harmless twin works in one.
 * The protections can't be left out one by one here: the engine has no lab.
 */
const ATTACKS = join(import.meta.dirname, '../../attacks');
const TEST_MS_MAX = 120_000;
const corpus = readCorpus(ATTACKS);
const place = containerPlace();
const compileC = createCompiler(place.backend, ATTACKS);
const told: string[] = [];
let contained = 0;

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  const counts = Object.keys(REASONS).map((reason) => {
    const ids = corpus.filter(({ id }) => notApplicable[id] === reason).length;
    return `${ids} ${reason}`;
  });
  const lines = [...told, `${contained} of ${corpus.length} contained; not applicable: ${counts}`];
  process.stdout.write(`\n${lines.join('\n')}\n`);
}, TEST_MS_MAX);

test('what is not applicable is an attack, with a reason of the closed list', () => {
  const ids = new Set(corpus.map(({ id }) => id));
  for (const [id, reason] of Object.entries(notApplicable)) {
    expect(ids.has(id), id).toBe(true);
    expect(Object.keys(REASONS), id).toContain(reason);
  }
});

describe('in a container', () => {
  for (const attack of corpus.filter(({ id }) => notApplicable[id] === undefined)) {
    test(`${attack.id}: ${attack.title}`, { timeout: TEST_MS_MAX }, async () => {
      const unmet = unmetNeed(attack);
      if (unmet !== undefined) {
        told.push(`${attack.id}: not testable here: ${unmet.detail}`);
        return;
      }
      const twin = await attemptTwin(place, attack, compileC);
      expectEnding('the twin', mismatches(twinEnding(attack), twin), twin);
      const seen = await attempt(place, attack, compileC);
      expectEnding('contained', mismatches(containedEnding(attack), seen), seen);
      expect(mismatches(attack.succeeds, seen), 'both endings match').not.toEqual([]);
      contained += 1;
    });
  }
});

function expectEnding(where: string, differences: readonly string[], seen: Evidence): void {
  expect(differences, `${where}: ${accountOf(seen)}`).toEqual([]);
}
