// What an abusive tenant costs the others: 24 tenants, one of which asks for ten times its share,
// by turns with the same hours without it:
//   node scripts/test.mjs --only tenants
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startKeyed } from '../../tests/service/keyed-server.js';
import { type Client, client } from '../client.js';
import { judge, machine, percentile, saveFigures } from '../figures.js';

const OTHERS = 23;
const SLOTS = 4;
/** Below the slots: who may hold all of them can't be kept from others by turns. */
const ABUSER_CONCURRENCY = 2;
/** A tenant's requests a second, together some third of what two cores can do. */
const RATE_PER_S = 0.5;
const TIMES_ITS_SHARE = 10;
const TURNS = 4;
const TURN_MS = 20_000;
const SLOWER_MAX = 1.25;

/** Some 30 ms of one core, of code never seen before. */
const program = (seed: number) => ({
  language: 'python',
  code: `print(sum(i * i for i in range(200_000)) + ${seed})`,
  limits: { cpus: 1 },
});
const RIGHT = 2_666_646_666_700_000;

async function main(): Promise<number> {
  const policies = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  writeFileSync(join(policies, 'abuser.yaml'), `concurrency: ${ABUSER_CONCURRENCY}\n`);
  const env = { GOZO_POLICIES: policies, GOZO_CONCURRENCY: String(SLOTS) };
  await using keyed = await startKeyed('sqlite', env);
  const clientOf = async (id: string) => {
    const { key } = await keyed.tenant(id);
    return client(keyed.server.url, 64, key);
  };
  const abuser = await clientOf('abuser');
  const others: Client[] = [];
  for (let at = 1; at <= OTHERS; at += 1) others.push(await clientOf(`tenant-${at}`));
  await turn(others, undefined, 0);
  const quiet: Answer[] = [];
  const busy: Answer[] = [];
  for (let at = 1; at <= TURNS; at += 1) {
    quiet.push(...(await turn(others, undefined, at)));
    busy.push(...(await turn(others, abuser, at)));
  }
  for (const each of [abuser, ...others]) each.close();
  rmSync(policies, { recursive: true });
  return report(quiet, busy);
}

interface Answer {
  readonly isAbusers: boolean;
  readonly tookMs: number;
  readonly code: 'right' | 'refused' | 'wrong';
}

/** With the same arrivals of the others for the same seed, whether the abuser is there or not. */
async function turn(
  others: readonly Client[],
  abuser: Client | undefined,
  seed: number,
): Promise<readonly Answer[]> {
  const streams = others.map((each, at) => stream(each, RATE_PER_S, seed * 100 + at, false));
  if (abuser !== undefined) {
    streams.push(stream(abuser, RATE_PER_S * TIMES_ITS_SHARE, seed * 100 + OTHERS, true));
  }
  return (await Promise.all(streams)).flat();
}

/** Open loop: arrivals at random (Poisson), whether answers have come or not. */
async function stream(
  { execute }: Client,
  perS: number,
  seed: number,
  isAbusers: boolean,
): Promise<readonly Answer[]> {
  const random = createRandom(seed);
  const untilMs = performance.now() + TURN_MS;
  const answers: Promise<Answer>[] = [];
  let atMs = performance.now();
  for (;;) {
    atMs += (-Math.log(1 - random()) / perS) * 1000;
    if (atMs > untilMs) break;
    await setTimeout(Math.max(0, atMs - performance.now()));
    const number = Math.floor(random() * 1e9);
    const startedMs = performance.now();
    answers.push(
      execute(program(number)).then(({ http, record }) => {
        const isRight = record.stdout === `${RIGHT + number}\n`;
        const code = isRight ? 'right' : http === 429 ? 'refused' : 'wrong';
        return { isAbusers, tookMs: performance.now() - startedMs, code };
      }),
    );
  }
  return Promise.all(answers);
}

/** mulberry32: the same arrivals in both kinds of turns. */
function createRandom(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function report(quiet: readonly Answer[], busy: readonly Answer[]): number {
  const others = busy.filter(({ isAbusers }) => !isAbusers);
  const abusers = busy.filter(({ isAbusers }) => isAbusers);
  saveFigures('tenants', table(quiet, others, abusers));
  const served = timesOf(abusers.filter(({ code }) => code === 'right'));
  const p95 = percentile(timesOf(others), 0.95);
  const bound = SLOWER_MAX * percentile(timesOf(quiet), 0.95) + percentile(served, 0.5);
  return judge([
    {
      claim: `the others' p95 is ${p95.toFixed(1)} ms, at most ${bound.toFixed(1)} ms`,
      holds: p95 <= bound,
    },
    {
      claim: 'each answer to the others is right',
      holds: [...quiet, ...others].every(({ code }) => code === 'right'),
    },
  ]);
}

function table(
  quiet: readonly Answer[],
  others: readonly Answer[],
  abusers: readonly Answer[],
): string {
  const turns = `${TURNS} turns each of ${TURN_MS / 1000} s with and without it`;
  return [
    `## 24 tenants, one asks for ${TIMES_ITS_SHARE} times its share: ${turns} (${machine()})`,
    '',
    `${SLOTS} slots, of which the abuser's policy gives it ${ABUSER_CONCURRENCY}; ` +
      `each of the others asks ${RATE_PER_S} times a second, at random`,
    '',
    '| | requests | right | refused | p50 ms | p95 ms | p99 ms |',
    '|---|---|---|---|---|---|---|',
    row('23 others, without it', quiet),
    row('23 others, beside it', others),
    row('the abuser', abusers),
  ].join('\n');
}

function row(name: string, answers: readonly Answer[]): string {
  const right = timesOf(answers.filter(({ code }) => code === 'right'));
  const times = [0.5, 0.95, 0.99].map((share) => percentile(right, share).toFixed(1));
  const refused = answers.filter(({ code }) => code === 'refused').length;
  return `| ${[name, answers.length, right.length, refused, ...times].join(' | ')} |`;
}

function timesOf(answers: readonly Answer[]): readonly number[] {
  return answers.map(({ tookMs }) => tookMs);
}

process.exit(await main());
