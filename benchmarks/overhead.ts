// A trivial program over HTTP against bare posix_spawn of the same command, by turns in one run:
//   node scripts/test.mjs --only overhead
import type { Execution } from '@gozolite/contract/execution';
import { serverUnderTest } from '../tests/server-under-test.js';
import { startBare } from './bare.js';
import { client } from './client.js';
import { judge, machine, percentile, saveFigures } from './figures.js';

const ROUNDS = 500;
const WARM_UP = 50;
/** DESIGN: what a cold sandbox may cost, at p50. */
const OVER_BARE_MS_MAX = 2;

const PROGRAM = { path: 'main.sh', content: 'echo 42\n' };
/** As languages/bash.yaml has it, with the same file beside it. */
const ARGV = ['/usr/bin/bash', 'main.sh'];

async function main(): Promise<number> {
  const { url } = serverUnderTest();
  const { execute, close } = client(url, 1);
  await using bare = startBare(ARGV, PROGRAM);
  const bareMs: number[] = [];
  const executeMs: number[] = [];
  const records: Execution[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const alone = await bare.run();
    const { ms, record } = await timed(execute);
    if (round < WARM_UP) continue;
    bareMs.push(alone);
    executeMs.push(ms);
    records.push(record);
  }
  close();
  const overP50 = percentile(executeMs, 0.5) - percentile(bareMs, 0.5);
  saveFigures('overhead', table(bareMs, executeMs, records));
  return judge([
    {
      claim: `p50 of /execute is bare + ${overP50.toFixed(2)} ms, at most + ${OVER_BARE_MS_MAX} ms`,
      holds: overP50 <= OVER_BARE_MS_MAX,
    },
  ]);
}

async function timed(execute: ReturnType<typeof client>['execute']) {
  const startedMs = performance.now();
  const { record } = await execute({ language: 'bash', code: PROGRAM.content });
  const ms = performance.now() - startedMs;
  if (record.stdout !== '42\n') throw new Error(JSON.stringify(record));
  return { ms, record };
}

function table(
  bareMs: readonly number[],
  executeMs: readonly number[],
  records: readonly Execution[],
): string {
  const row = (name: string, values: readonly number[]) => {
    const shares = [0.5, 0.95].map((share) => percentile(values, share).toFixed(2));
    return `| ${name} | ${shares.join(' | ')} |`;
  };
  const part = (name: keyof Execution['timings']) => records.map(({ timings }) => timings[name]);
  return [
    `## Overhead: \`bash\` with \`echo 42\`, ${ROUNDS} rounds, by turns (${machine()})`,
    '',
    '| ms | p50 | p95 |',
    '|---|---|---|',
    row('bare posix_spawn', bareMs),
    row('POST /execute', executeMs),
    row(
      'difference',
      executeMs.map((value, at) => value - (bareMs[at] ?? 0)),
    ),
    row('of the record: prepare', part('prepare_ms')),
    row('of the record: run', part('run_ms')),
    row('of the record: total', part('total_ms')),
  ].join('\n');
}

process.exit(await main());
