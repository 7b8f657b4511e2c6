// Mixed executions, attacks among them, 8 at a time: nothing may grow past warm-up, nothing may be
// left. 50,000, or as many as are named:
//   GOZO_SOAK_EXECUTIONS=5000 node scripts/test.mjs --only soak
import { setTimeout } from 'node:timers/promises';
import { readPids, serverUnderTest } from '../tests/server-under-test.js';
import { client } from './client.js';
import { judge, machine, saveFigures } from './figures.js';
import { ATTACKS } from './soak/attacks.js';
import { type Counts, countAll } from './soak/counts.js';
import { COMPILED, COMPILED_EVERY, MIXTURE, type Mixed } from './soak/mixture.js';

const EXECUTIONS = Number(process.env.GOZO_SOAK_EXECUTIONS ?? 50_000);
const AT_ONCE = 8;
/** Node's heap and the allocators reach their working size here. */
const WARM_UP = 1000;
/** What a heap swings by between two collections; a leak of 10 KB an execution is 40 MB here. */
const RSS_GROWTH_KB_MAX = 24 * 1024;
const RSS_MEMBERS = ['launcherRssKb', 'serverRssKb'] as const;

async function main(): Promise<number> {
  const server = serverUnderTest();
  const { url } = server;
  const pids = readPids(server.pidsFile);
  const count = (): Counts => countAll(pids, server);
  const before = count();
  const wrong: string[] = [];
  const startedMs = performance.now();
  await runMany(url, 0, WARM_UP, wrong);
  const warm = await settled(count, before);
  await runMany(url, WARM_UP, EXECUTIONS, wrong);
  const after = await settled(count, before);
  const seconds = (performance.now() - startedMs) / 1000;
  saveFigures('soak', table({ before, warm, after }, seconds));
  for (const line of wrong.slice(0, 20)) process.stdout.write(`${line}\n`);
  return judge(claims(warm, after, wrong.length));
}

/** What ends takes a moment to be gone, and to be made again: counts once it is, or after 10 s. */
async function settled(count: () => Counts, before: Counts): Promise<Counts> {
  const untilMs = performance.now() + 10_000;
  const names = (Object.keys(before) as (keyof Counts)[]).filter((name) => !isRss(name));
  for (;;) {
    const counts = count();
    const isSettled = names.every((name) => counts[name] === before[name]);
    if (isSettled || performance.now() > untilMs) return counts;
    await setTimeout(100);
  }
}

async function runMany(url: string, from: number, to: number, wrong: string[]): Promise<void> {
  const { execute, close } = client(url, AT_ONCE);
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) {
      const at = next++;
      const problem = await runOne(execute, pick(at));
      if (problem !== null) wrong.push(`#${at}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await quiet(url);
  close(); // A connection that is kept is a descriptor of the server's.
}

function pick(at: number): Mixed {
  if (at % COMPILED_EVERY === 0) return COMPILED;
  const all = [...MIXTURE, ...ATTACKS];
  return all[at % all.length] ?? COMPILED;
}

async function runOne(
  execute: ReturnType<typeof client>['execute'],
  { name, request, status, leavesAfterMs }: Mixed,
): Promise<string | null> {
  if (leavesAfterMs !== undefined) {
    // Nobody is left to answer to: that nothing stays behind is what is looked at.
    await execute(request, AbortSignal.timeout(leavesAfterMs)).catch(() => null);
    return null;
  }
  const { record } = await execute(request);
  if ([status].flat().includes(record.status)) return null;
  return `${name}: ${record.status} for ${status}: ${JSON.stringify(record).slice(0, 500)}`;
}

/** Waits until the server has nothing to do: executions of callers that left end on their own. */
async function quiet(url: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const answer = await fetch(`${url}/diagnostics`, { headers: { connection: 'close' } });
    const { load }: { load: { running: number; queued: number } } = JSON.parse(await answer.text());
    if (load.running + load.queued === 0) return;
    if (performance.now() > deadlineMs) throw new Error(`still busy: ${JSON.stringify(load)}`);
  }
}

function claims(warm: Counts, after: Counts, wrong: number) {
  const rest = (Object.keys(warm) as (keyof Counts)[]).filter((name) => !isRss(name));
  return [
    { claim: `${wrong} executions ended otherwise than they should`, holds: wrong === 0 },
    ...rest.map((name) => ({
      claim: `${name}: ${warm[name]} after warm-up, ${after[name]} at the end`,
      holds: after[name] <= warm[name],
    })),
    ...RSS_MEMBERS.map((name) => ({
      claim: `${name}: ${warm[name]} after warm-up, ${after[name]} at the end`,
      holds: after[name] - warm[name] <= RSS_GROWTH_KB_MAX,
    })),
  ];
}

function isRss(name: keyof Counts): boolean {
  return RSS_MEMBERS.some((each) => each === name);
}

function table(points: { before: Counts; warm: Counts; after: Counts }, seconds: number): string {
  const { before, warm, after } = points;
  const names = Object.keys(before) as (keyof Counts)[];
  const rate = (EXECUTIONS / seconds).toFixed(0);
  return [
    `## Soak: ${EXECUTIONS} mixed executions, ${AT_ONCE} at a time, ${rate}/s (${machine()})`,
    '',
    `| count | before | after ${WARM_UP} | at the end |`,
    '|---|---|---|---|',
    ...names.map((name) => `| ${name} | ${before[name]} | ${warm[name]} | ${after[name]} |`),
  ].join('\n');
}

process.exit(await main());
