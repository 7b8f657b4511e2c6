// A trivial program over HTTP against bare posix_spawn of the same command, by turns in one run:
//   node scripts/test.mjs --only overhead
import type { Execution } from '@gozolite/contract/execution';
import { serverUnderTest } from '../tests/server-under-test.js';
import { client } from './client.js';
import { judge, machine, percentile, saveFigures } from './figures.js';
import { startTimer } from './timer.js';

const ROUNDS = 500;
const WARM_UP = 50;
/** DESIGN: what a cold sandbox may cost, at p50. */
const OVER_BARE_MS_MAX = 2;

const PROGRAM = { path: 'main.sh', content: 'echo 42\n' };
/** As languages/bash.yaml has it, with the same file beside it. */
const ARGV = ['/usr/bin/bash', 'main.sh'];
const BODY = JSON.stringify({ language: 'bash', code: PROGRAM.content });
const REQUEST = {
  path: 'request',
  content:
    'POST /execute HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
};
const ANSWER = '"status":"ok","stdout":"42\\n"';

async function main(): Promise<number> {
  const { url } = serverUnderTest();
  await using bare = startTimer('bare', ARGV, PROGRAM);
  await using post = startTimer('post', [new URL(url).port, 'request', ANSWER], REQUEST);
  const bareMs: number[] = [];
  const executeMs: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const alone = await bare.run();
    const executed = await post.run();
    if (round < WARM_UP) continue;
    bareMs.push(alone);
    executeMs.push(executed);
  }
  const records = await recordsOf(url);
  const overP50 = percentile(executeMs, 0.5) - percentile(bareMs, 0.5);
  saveFigures('overhead', table(bareMs, executeMs, records));
  return judge([
    {
      claim: `p50 of /execute is bare + ${overP50.toFixed(2)} ms, at most + ${OVER_BARE_MS_MAX} ms`,
      holds: overP50 <= OVER_BARE_MS_MAX,
    },
  ]);
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
