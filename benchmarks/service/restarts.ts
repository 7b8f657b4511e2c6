// 20,000 mixed requests to a server that is killed (kill -9) after every 500, and started again:
// what was accepted has one end, the same in the store, in the audit log and in every answer.
//   GOZO_RESTARTS_REQUESTS=2000 node scripts/test.mjs --only restarts
// A tenth as many again with the launcher killed in between, and with Postgres as the store;
// GOZO_RESTARTS_ONLY=launchers runs one of them alone.
import { serverUnderTest } from '../../tests/server-under-test.js';
import { judge, machine, saveFigures } from '../figures.js';
import { type Run, type RunResult, soak } from '../restarts/soak.js';

const REQUESTS = Number(process.env.GOZO_RESTARTS_REQUESTS ?? 20_000);
const ONLY = process.env.GOZO_RESTARTS_ONLY;
const KILLED_EVERY = 500;
/** Of the runs beside the first; four kills at least. */
const FEWER = Math.max(REQUESTS / 10, Math.min(REQUESTS, 4 * KILLED_EVERY));

const base = { killedEvery: KILLED_EVERY, store: 'sqlite', hasLostLaunchers: false } as const;
const RUNS: readonly Run[] = [
  { ...base, name: 'sqlite', requests: REQUESTS },
  { ...base, name: 'launchers', requests: FEWER, hasLostLaunchers: true },
  { ...base, name: 'postgres', requests: FEWER, store: 'postgres' },
];

async function main(): Promise<number> {
  const server = serverUnderTest();
  const results: RunResult[] = [];
  for (const run of RUNS.filter(({ name }) => ONLY === undefined || ONLY === name)) {
    results.push(await soak(run, server));
  }
  saveFigures('restarts', table(results));
  return judge(
    results.flatMap(({ run: { name }, claims }) =>
      claims.map(({ claim, holds }) => ({ claim: `${name}: ${claim}`, holds })),
    ),
  );
}

function table(results: readonly RunResult[]): string {
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))];
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [
    `## Restarts: kill -9 of the server after every ${KILLED_EVERY} requests (${machine()})`,
    '',
    line(['', ...results.map(({ run }) => run.name)]),
    line(['---', ...results.map(() => '---:')]),
    ...names.map((name) => line([name, ...results.map(({ figures }) => figures[name] ?? 0)])),
  ].join('\n');
}

process.exit(await main());
