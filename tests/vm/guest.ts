import { existsSync, mkdirSync, readFileSync, writeSync } from 'node:fs';
import { readCorpus } from '../hostile/corpus.js';
import { startWorld, type World } from '../hostile/worlds.js';
import { tryAttack } from './attacks.js';
import { CASES, type Case } from './cases.js';
import { compiled } from './programs.js';
import { LAST_LINE, lineOf, type Row } from './row.js';

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
