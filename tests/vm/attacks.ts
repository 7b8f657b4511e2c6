import { attempt, attemptTwin } from '@gozolite/attacks/attempt';
import type { Attack, Ending } from '@gozolite/attacks/corpus';
import {
  accountOf,
  containedEnding,
  type Evidence,
  mismatches,
  twinEnding,
} from '@gozolite/attacks/ending';
import { unmetNeed } from '@gozolite/attacks/needs';
import type { Compile } from '@gozolite/attacks/programs';
import type { World } from '../hostile/worlds.js';
import type { Row } from './row.js';

/** An emulated processor is some ten times slower. */
export const SLOWER = 10;

const USUAL_WALL_MS = 6000;
const USUAL_CPU_MS = 4000;
const USUAL_GONE_MS = 1000;

/** One attack of the corpus: contained, with its twin at work. */
export async function tryAttack(world: World, attack: Attack, compileC: Compile): Promise<Row> {
  const startedMs = performance.now();
  const expected = described(containedEnding(attack));
  const untestable = unmetNeed(attack)?.detail ?? missingLayer(world, attack);
  const row = { id: attack.id, expected, outcome: '', problems: [], took_ms: 0 };
  if (untestable !== undefined) return { ...row, untestable };

  const place = { ...world, goneMsMax: USUAL_GONE_MS * SLOWER };
  const twin = await attemptTwin(place, withTime(attack, []), compileC);
  const { contained } = attack;
  const kept = contained.limit === undefined ? [] : [contained.limit];
  const seen = await attempt(place, withTime(attack, kept), compileC);
  const problems = [
    ...mismatches(twinEnding(attack), twin).map((problem) => `twin: ${problem} ${accountOf(twin)}`),
    ...mismatches(containedEnding(attack), seen).map((problem) => `${problem} ${accountOf(seen)}`),
  ];
  const tookMs = Math.round(performance.now() - startedMs);
  return { ...row, outcome: summary(seen), problems, took_ms: tookMs };
}

/** Ten times the time, but for a limit that is the attack's own matter. */
function withTime(attack: Attack, kept: readonly string[]): Attack {
  const { wall_time_ms = USUAL_WALL_MS, cpu_time_ms = USUAL_CPU_MS } = attack.limits ?? {};
  const wider = {
    ...(kept.includes('wall_time_ms') ? {} : { wall_time_ms: wall_time_ms * SLOWER }),
    ...(kept.includes('cpu_time_ms') ? {} : { cpu_time_ms: cpu_time_ms * SLOWER }),
  };
  return { ...attack, limits: { ...attack.limits, ...wider } };
}

/** A layer that this kernel lacks can't be shown to hold. */
function missingLayer(world: World, { layers }: Attack): string | undefined {
  const missing = world.diagnosis.missing.find(({ layer }) => layers.includes(layer));
  return missing && `${missing.layer}: ${missing.reason}`;
}

function described(ending: Ending): string {
  return Object.entries(ending)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function summary({ outcome, stdout, left }: Evidence): string {
  const { kind, ...rest } = outcome;
  const details = Object.values(rest).filter((value) => value !== null);
  const said = stdout.trim().split('\n')[0] ?? '';
  return [kind, ...details, JSON.stringify(said.slice(0, 24)), `left ${left}`].join(' ');
}
