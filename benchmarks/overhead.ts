// A trivial program over HTTP against bare posix_spawn of the same command, by turns in one run:
//   node scripts/test.mjs --only overhead
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Execution } from '@gozolite/contract/execution';
import { serverUnderTest } from '../tests/server-under-test.js';
import { type Caller, startCaller } from './caller.js';
import { client } from './client.js';
import { judge, machine, percentile, saveFigures } from './figures.js';
import { startTimer, type Timer } from './timer.js';

const ROUNDS = 500;
const WARM_UP = 50;
/** Before each turn of a second table: an idle service, whose caches others have filled. */
const PAUSE_MS = 20;
/** DESIGN: what a cold sandbox may cost, at p50. */
const OVER_BARE_MS_MAX = 2;

const PROGRAM = { path: 'main.sh', content: 'echo 42\n' };
/** As languages/bash.yaml has it, with the same file beside it. */
const ARGV = ['/usr/bin/bash', 'main.sh'];
const BODY = JSON.stringify({ language: 'bash', code: PROGRAM.content });
const ANSWER = '"status":"ok","stdout":"42\\n"';

async function main(): Promise<number> {
  const { url } = serverUnderTest();
  await using bare = startTimer('bare', ARGV, PROGRAM);
  await using caller = startCaller(url);
  const paused = await byTurns(bare, caller, PAUSE_MS);
  const close = await byTurns(bare, caller, 0);
  const records = await recordsOf(url);
  const overP50 = percentile(close.executeMs, 0.5) - percentile(close.bareMs, 0.5);
  saveFigures('overhead', table(paused, close, records));
  return judge([
    {
      claim: `p50 of /execute is bare + ${overP50.toFixed(2)} ms, at most + ${OVER_BARE_MS_MAX} ms`,
      holds: overP50 <= OVER_BARE_MS_MAX,
    },
  ]);
}

interface Turns {
  readonly bareMs: readonly number[];
  readonly executeMs: readonly number[];
}

async function byTurns(bare: Timer, caller: Caller, pauseMs: number): Promise<Turns> {
  const bareMs: number[] = [];
  const executeMs: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    if (pauseMs > 0) await setTimeout(pauseMs);
    const alone = await bare.run();
    if (pauseMs > 0) await setTimeout(pauseMs);
    const { ms: executed, answer } = await caller.post('/execute', BODY);
    assert.ok(answer.includes(ANSWER), answer);
    if (round < WARM_UP) continue;
    bareMs.push(alone);
    executeMs.push(executed);
  }
  return { bareMs, executeMs };
}

/** What the record says of its parts, for a caller of another kind; not compared with anything. */
async function recordsOf(url: string): Promise<readonly Execution[]> {
  const { execute, close } = client(url, 1);
  const records: Execution[] = [];
  for (let round = 0; round < WARM_UP; round += 1) {
    records.push((await execute({ language: 'bash', code: PROGRAM.content })).record);
  }
  close();
  return records;
}

function table(paused: Turns, close: Turns, records: readonly Execution[]): string {
  const row = (name: string, values: readonly number[]) => {
    const shares = [0.05, 0.5, 0.95].map((share) => percentile(values, share).toFixed(2));
    return `| ${name} | ${shares.join(' | ')} |`;
  };
  const rows = ({ bareMs, executeMs }: Turns, how: string) => [
    row(`bare posix_spawn, ${how}`, bareMs),
    row(`POST /execute, ${how}`, executeMs),
    row(
      'difference',
      executeMs.map((value, at) => value - (bareMs[at] ?? 0)),
    ),
  ];
  const part = (name: keyof Execution['timings']) => records.map(({ timings }) => timings[name]);
  const ahead = records.filter(({ prepared }) => prepared).length;
  return [
    `## Overhead: \`bash\` with \`echo 42\`, ${ROUNDS} rounds, by turns (${machine()})`,
    '',
    '| ms | p5 | p50 | p95 |',
    '|---|---|---|---|',
    ...rows(paused, `${PAUSE_MS} ms after the other`),
    ...rows(close, 'right after the other'),
    row(
      `of the record, back to back (${ahead} of ${records.length} prepared): prepare`,
      part('prepare_ms'),
    ),
    row('run', part('run_ms')),
    row('total', part('total_ms')),
  ].join('\n');
}

process.exit(await main());
