import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, attemptTwin } from '@gozolite/attacks/attempt';
import {
  type Attack,
  type Ending,
  FAMILIES,
  LANGUAGES,
  readCorpus,
} from '@gozolite/attacks/corpus';
import {
  accountOf,
  containedEnding,
  type Evidence,
  mismatches,
  twinEnding,
} from '@gozolite/attacks/ending';
import { unmetNeed } from '@gozolite/attacks/needs';
import { type Compile, createCompiler } from '@gozolite/attacks/programs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labLauncher } from './lab-launcher.js';
import { tableOf } from './table.js';
import { createWorlds, startWorld, type World } from './worlds.js';

/**
 * Every attack of attacks/ is contained by the launcher as shipped, its harmless twin works in the
 * same sandbox, and it succeeds where the protection that the row names is left out: so it is that
 * protection that holds. Where several layers hold, each one alone holds, and only without all of
 * them does the attack succeed.
 */
const ROOT = join(import.meta.dirname, '../..');
const ATTACKS = join(ROOT, 'attacks');
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(ROOT, 'build/sandboxd');
const TEST_MS_MAX = 120_000;
const BUILD_MS_MAX = 600_000;

const corpus = readCorpus(ATTACKS);
/** The one list of names is the launcher's own. */
const PROTECTIONS = [
  ...readFileSync(join(ROOT, 'crates/sandboxd/src/lab.rs'), 'utf8').matchAll(
    /^ +[A-Z]\w+ = "([a-z-]+)",$/gm,
  ),
].map((match) => match[1] ?? '');

const usesOf = (attack: Attack) => [attack.layers, ...othersOf(attack)];
/** For each of several layers: all others, so that it stands alone. */
const othersOf = ({ layers }: Attack) =>
  layers.length === 1 ? [] : layers.map((alone) => layers.filter((layer) => layer !== alone));

let whole: World;
let compileC: Compile;
let lab = '';
let worlds: ReturnType<typeof createWorlds>;

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('the hostile suite makes cgroups: it wants root');
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: npm run build`);
  lab = labLauncher();
  worlds = createWorlds({ whole: LAUNCHER, lab }, corpus.flatMap(usesOf));
  whole = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 9999 });
  compileC = createCompiler(whole.backend, ATTACKS);
}, BUILD_MS_MAX);

afterAll(async () => {
  await worlds?.[Symbol.asyncDispose]();
  await whole?.[Symbol.asyncDispose]();
  process.stdout.write(`\n${tableOf(rows)}\n`);
}, TEST_MS_MAX);

describe('the corpus', () => {
  test('has 155 attacks and more, of every family, twenty of each language', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(155);
    for (const language of LANGUAGES) {
      const own = corpus.filter((attack) => attack.language === language);
      expect(own.length, language).toBeGreaterThanOrEqual(20);
    }
    expect(new Set(corpus.map((attack) => attack.family))).toEqual(new Set(FAMILIES));
  });

  test('names every protection of the launcher, and no other', () => {
    expect(new Set(corpus.flatMap((attack) => attack.layers))).toEqual(new Set(PROTECTIONS));
  });

  test('the launcher as shipped leaves nothing out, not even when told to', () => {
    expect(whole.diagnosis.left_out).toEqual([]);
    const told = spawnSync(LAUNCHER, ['--socket', '/nowhere/socket', '--leave-out', 'seccomp']);
    expect(told.status).not.toBe(0);
    expect(told.stderr.toString()).toContain('leaves no protection out');
  });
});

const rows: Parameters<typeof tableOf>[0][number][] = [];

for (const family of FAMILIES) {
  describe(family, () => {
    for (const attack of corpus.filter((each) => each.family === family)) {
      test(`${attack.id}: ${attack.title}`, { timeout: TEST_MS_MAX }, async () => {
        const row = { attack, twin: '–', held: '–', without: '–', note: '' };
        rows.push(row);
        const unmet = unmetNeed(attack)?.detail ?? missingLayer(attack);
        if (unmet !== undefined) {
          // Told in the table and here: the lack was looked at, the attack was not.
          row.note = `not testable here: ${unmet}`;
          console.warn(`${attack.id}: ${row.note}`);
          return;
        }
        const twin = await attemptTwin(whole, attack, compileC);
        expectEnding('the twin', twinEnding(attack), twin);
        row.twin = 'works';
        expectContained('with everything', attack, await attempt(whole, attack, compileC));
        row.held = 'contained';
        for (const others of othersOf(attack)) {
          const seen = await worlds.use(others, (world) => attempt(world, attack, compileC));
          expectContained(`with all layers but ${others.join(', ')}`, attack, seen);
        }
        const seen = await worlds.use(attack.layers, async (world) => {
          expect(new Set(world.diagnosis.left_out)).toEqual(new Set(attack.layers));
          return attempt(world, attack, compileC);
        });
        expectEnding(`without ${attack.layers.join(', ')}`, attack.succeeds, seen);
        row.without = 'SUCCEEDS';
      });
    }
  });
}

/** A layer that this kernel lacks can't be shown to hold. */
function missingLayer({ layers }: Attack): string | undefined {
  const missing = whole.diagnosis.missing.find(({ layer }) => layers.includes(layer));
  return missing && `${missing.layer}: ${missing.reason}`;
}

function expectContained(where: string, attack: Attack, seen: Evidence): void {
  expectEnding(where, containedEnding(attack), seen);
  expect(mismatches(attack.succeeds, seen), `${where}, both endings match`).not.toEqual([]);
}

function expectEnding(where: string, ending: Ending, seen: Evidence): void {
  expect(mismatches(ending, seen), `${where}: ${accountOf(seen)}`).toEqual([]);
}
