import { existsSync, mkdirSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { readCorpus } from '@gozolite/attacks/corpus';
import { startWorld, type World } from '../hostile/worlds.js';
import { type LimitCase, readCases } from '../limits/cases.js';
import { accountOf, tryCase as tryLimit } from '../limits/trial.js';
import { SLOWER, tryAttack } from './attacks.js';
import { CASES, type Case } from './cases.js';
import { compiled } from './programs.js';
import { LAST_LINE, lineOf, type Row } from './row.js';
import { surfaceId, trySurface } from './surface.js';

/**
 * What the guest runs: the launcher on a kernel with cgroup v2 and nothing else, the whole corpus
 * of attacks, and the cases of cases.ts. One line on the console for each.
 */
const CONSOLE = 1;

async function main(): Promise<void> {
  const only = readFileSync('/vm/only', 'utf8').split(' ').filter(Boolean);
  const isWanted = ({ id }: { readonly id: string }) => only.length === 0 || only.includes(id);
  mkdirSync('/usr/share/gozo-lab', { recursive: true });
  const world = await startWorld({ launcher: '/vm/sandboxd', leaveOut: [], number: 0 });
  const compileC = (code: string) => compiled('/vm/programs', code);
  for (const each of CASES.filter(isWanted)) tell(await tryCase(world, each));
  for (const each of readCases('/vm/limits').filter(isWanted)) {
    tell(await failuresTold(each.id, () => limitRow(each, { world, compileC, slower: SLOWER })));
  }
  for (const name of readdirSync('/vm/surface/expected').sort()) {
    const id = surfaceId(name);
    if (isWanted({ id })) tell(await failuresTold(id, () => trySurface(world, name)));
  }
  for (const attack of readCorpus('/attacks').filter(isWanted)) {
    tell(await failuresTold(attack.id, () => tryAttack(world, attack, compileC)));
  }
  const cgroup = `/sys/fs/cgroup/${world.cgroup}`;
  await world[Symbol.asyncDispose]();
  const left = existsSync(cgroup) ? [`${cgroup} is still there`] : [];
  tell({
    id: 'launcher-end',
    expected: 'the launcher ends and its cgroups are gone',
    outcome: left.length === 0 ? 'gone' : 'left',
    problems: left,
    took_ms: 0,
  });
}

async function tryCase(world: World, { id, expected, run }: Case): Promise<Row> {
  const startedMs = performance.now();
  return failuresTold(id, async () => {
    const { outcome, problems } = await run(world);
    const tookMs = Math.round(performance.now() - startedMs);
    return { id, expected, outcome, problems: [...problems], took_ms: tookMs };
  });
}

async function limitRow(each: LimitCase, trial: Parameters<typeof tryLimit>[1]): Promise<Row> {
  const startedMs = performance.now();
  const { result, problems } = await tryLimit(each, trial);
  const { outcome, limit = '' } = each.side;
  return {
    id: each.id,
    expected: `${outcome} ${limit}`.trim(),
    outcome: `${result.outcome.kind}, hit ${result.limitsHit.join()}`,
    problems: problems.map((problem) => `${problem} ${accountOf(result)}`),
    took_ms: Math.round(performance.now() - startedMs),
  };
}

/** A case that throws is one failed row: the others go on. */
async function failuresTold(id: string, work: () => Promise<Row>): Promise<Row> {
  try {
    return await work();
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { id, expected: 'an outcome', outcome: 'error', problems: [problem], took_ms: 0 };
  }
}

function tell(row: Row): void {
  writeSync(CONSOLE, lineOf(row));
}

await main();
writeSync(CONSOLE, LAST_LINE);
// A case that threw may have left a launcher, whose life must not be the machine's.
process.exit(0);
