import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Attack, readCorpus } from '@gozolite/attacks/corpus';
import { shortForm } from '@gozolite/attacks/short-form';
import { survey } from '@gozolite/attacks/survey';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labLauncher } from './lab-launcher.js';
import { startWorld, type World } from './worlds.js';

/**
 * What `gozo doctor --attack` and `/readyz` say, they say of a launcher that lacks a protection as
 * well: in a world of the suite's own, never on the bare host.
 */
const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'attacks');
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(ROOT, 'build/sandboxd');
const BUILD_MS_MAX = 600_000;

const corpus = readCorpus(FOLDER);
const named = (...ids: string[]) => corpus.filter(({ id }) => ids.includes(id));
const verdicts = async (place: World, attacks: readonly Attack[]) => {
  const { findings } = await survey({ place, folder: FOLDER }, attacks);
  return Object.fromEntries(findings.map(({ attack, verdict }) => [attack.id, verdict.kind]));
};

let whole: World;
let weak: World;

beforeAll(async () => {
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: npm run build`);
  whole = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 10_001 });
  const leaveOut = ['proc-masks', 'seccomp', 'proc-readonly'];
  weak = await startWorld({ launcher: labLauncher(), leaveOut, number: 10_002 });
}, BUILD_MS_MAX);

afterAll(async () => {
  await weak?.[Symbol.asyncDispose]();
  await whole?.[Symbol.asyncDispose]();
});

describe('a survey', () => {
  test('of the short form finds every attack contained by the launcher as shipped', async () => {
    const found = await verdicts(whole, shortForm(corpus));
    expect(new Set(Object.values(found))).toEqual(new Set(['contained']));
    expect(Object.keys(found)).toHaveLength(12);
  });

  test('of the short form finds what a weakened launcher lets through, and only that', async () => {
    const found = await verdicts(weak, shortForm(corpus));
    const slipped = Object.keys(found).filter((id) => found[id] === 'not-contained');
    expect(slipped.sort()).toEqual([
      'kernel-symbols',
      'netlink-generic',
      'process-knob',
      'unshare-program',
    ]);
  });

  test('counts a twin that does not work as a no', async () => {
    const [attack] = named('kernel-symbols');
    if (attack === undefined) throw new Error('no such attack');
    const lame = { ...attack, twin: { title: 'fails', code: 'exit 3' } };
    const { findings } = await survey({ place: whole, folder: FOLDER }, [lame]);
    expect(findings[0]?.verdict).toMatchObject({
      kind: 'not-contained',
      detail: expect.stringContaining('its harmless twin does not work'),
    });
  });

  test('says which attacks a host without their bait cannot tell of', async () => {
    const bare = { ...whole, env: {} };
    const { findings } = await survey(
      { place: bare, folder: FOLDER },
      named('host-service', 'setuid-program'),
    );
    expect(findings.map(({ verdict }) => verdict)).toEqual([
      { kind: 'not-applicable', reason: 'no-bait', detail: 'no HOST_PORT' },
      { kind: 'not-applicable', reason: 'no-bait', detail: 'no /usr/share/gozo-lab' },
    ]);
  });
});
