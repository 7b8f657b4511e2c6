import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, readPids, type ServerUnderTest } from '../../tests/server-under-test.js';
import { entriesOf } from '../../tests/service/audit-entries.js';
import type { Home } from '../../tests/service/keyed-server.js';
import { client } from '../client.js';
import { type Counts, countAll } from '../soak/counts.js';
import type { TrafficDeps } from './asking.js';
import { type Claim, claimsOf, type Found } from './claims.js';
import { type Hooks, startHooks } from './hooks.js';
import { type Kept, type Left, readingStore, readKept, readLeft } from './kept.js';
import { createLedger, type Ledger } from './ledger.js';
import { type Lives, startLives } from './lives.js';
import { repeatKeys } from './repeats.js';
import { ask, sizeOf } from './traffic.js';
import { trailsOf } from './trail.js';
import { makeWorld, type World } from './world.js';

export interface Run {
  readonly name: string;
  readonly requests: number;
  readonly killedEvery: number;
  readonly store: 'sqlite' | 'postgres';
  /** The launcher is killed too, half way between. */
  readonly hasLostLaunchers: boolean;
}

export interface RunResult {
  readonly run: Run;
  readonly claims: readonly Claim[];
  readonly figures: Readonly<Record<string, number>>;
}

const CLIENTS = 12;
/** Keys that are used again after each restart, and in the end. */
const REPEATED = 10;
const REPEATED_LAST = 1000;
const REST_MS_MAX = 120_000;
const WARM_MS = 1000;
const KILLED_WITHIN_MS = 40;

/** All of it: requests, kills, and what there is in the end. */
export async function soak(run: Run, server: ServerUnderTest): Promise<RunResult> {
  const count = () => countAll(readPids(server.pidsFile), server);
  await warm(server);
  const before = count();
  const ledger = createLedger();
  await using hooks = await startHooks(ledger);
  await using world = await makeWorld(run.store);
  const left: Left[] = [];
  const witnesses: string[] = [];
  const onDead = async () => {
    left.push(await readingStore(world.env, readLeft));
    witnesses.push(keepCheckpoint(world.home, witnesses.length));
  };
  const startedMs = performance.now();
  await using lives = await startLives({ env: world.env, pidsFile: server.pidsFile, onDead });
  const deps = { lives, ledger, ...(await world.people(lives, hooks)) };
  await sendAll(run, deps);
  await repeatKeys(deps, REPEATED_LAST);
  await untilQuiet(world, hooks, ledger);
  witnesses.push(keepCheckpoint(world.home, witnesses.length));
  const exitCode = await lives.stop();
  const seconds = (performance.now() - startedMs) / 1000;
  const found: Found = {
    ...{ ledger, left, sizeOf, hasLostLaunchers: run.hasLostLaunchers },
    uncountedMax: run.store === 'sqlite' ? CLIENTS : 0,
    kept: await readingStore(world.env, readKept),
    trails: trailsOf(entriesOf(world.home.folder)),
  };
  const claims = [
    ...claimsOf(found),
    { claim: `the last life drains and ends with ${exitCode}`, holds: exitCode === 0 },
    ...(await verified(world.home, witnesses)),
    ...nothingLeft(before, await settled(count, before)),
  ];
  return { run, claims, figures: figuresOf(found, { lives, hooks, seconds }) };
}

async function sendAll(run: Run, deps: TrafficDeps): Promise<void> {
  const { requests, killedEvery, hasLostLaunchers } = run;
  const { lives } = deps;
  const half = Math.floor(killedEvery / 2);
  const killing: Promise<void>[] = [];
  let next = 0;
  const client = async () => {
    while (next < requests) {
      const number = next++;
      const at = number % killedEvery;
      if (number > 0 && at === 0) {
        killing.push(soon(lives.kill).then(() => repeatKeys(deps, REPEATED)));
      }
      if (hasLostLaunchers && at === half) killing.push(soon(lives.killLauncher));
      await ask(deps, number);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await Promise.all(killing);
  // The last ones are interrupted as well.
  await lives.kill();
}

/** Not always at the moment at which a client has just been answered. */
async function soon(kill: () => Promise<void>): Promise<void> {
  await sleep(randomInt(KILLED_WITHIN_MS));
  await kill();
}

/** As somebody keeps it who does not trust the server's disk. @returns the file */
function keepCheckpoint({ folder }: Home, at: number): string {
  const file = join(folder, `witness-${at}`);
  writeFileSync(file, readFileSync(join(folder, 'audit', 'checkpoint')));
  return file;
}

/** Everything has ended, and every webhook is told. */
async function untilQuiet({ env }: World, hooks: Hooks, { hooked }: Ledger): Promise<void> {
  const isQuiet = ({ rows, reservations, deliveries }: Kept) =>
    reservations === 0 &&
    [...rows.values()].every(({ hasEnded }) => hasEnded) &&
    [...deliveries.values()].every((state) => state === 'delivered') &&
    [...hooked].every((id) => hooks.told.has(id));
  // What it does not come to is told by the claims.
  await eventually('quiet', REST_MS_MAX, async () => {
    await sleep(500);
    return isQuiet(await readingStore(env, readKept)) || undefined;
  }).catch(() => undefined);
  await sleep(1000); // Entries are signed within half a second.
}

async function verified(home: Home, witnesses: readonly string[]): Promise<readonly Claim[]> {
  const own = readFileSync(join(home.folder, 'audit', 'key.pub'), 'utf8').trim();
  const since = witnesses.flatMap((file) => ['--since', file]);
  const alone = await home.gozo('audit', 'verify');
  const whole = await home.gozo('audit', 'verify', '--key', own, ...since);
  const lastLine = (text: string) => text.trim().split('\n')[0] ?? '';
  return [
    { claim: `gozo audit verify: ${lastLine(alone.stdout)}`, holds: alone.exitCode === 0 },
    {
      claim: `the same with its key and ${witnesses.length} checkpoints that were kept elsewhere`,
      holds: whole.exitCode === 0,
    },
  ];
}

/** What a launcher and its sandboxes could leave; memory is another suite's. */
type Lasting = Exclude<keyof Counts, 'launcherRssKb' | 'serverRssKb'>;

function namesOf(counts: Counts): readonly Lasting[] {
  return (Object.keys(counts) as (keyof Counts)[]).filter(
    (name): name is Lasting => name !== 'launcherRssKb' && name !== 'serverRssKb',
  );
}

/** A server whose first execution has ended holds a connection to its launcher for the next one. */
async function warm({ url }: ServerUnderTest): Promise<void> {
  const { execute, close } = client(url, 1);
  await execute({ language: 'bash', code: 'echo warm' });
  close();
  await sleep(WARM_MS);
}

async function settled(count: () => Counts, before: Counts): Promise<Counts> {
  const untilMs = performance.now() + REST_MS_MAX;
  for (;;) {
    const counts = count();
    if (namesOf(before).every((name) => counts[name] <= before[name])) return counts;
    if (performance.now() > untilMs) return counts;
    await sleep(200);
  }
}

function nothingLeft(before: Counts, after: Counts): readonly Claim[] {
  return namesOf(before).map((name) => ({
    claim: `${name}: ${before[name]} before, ${after[name]} after`,
    holds: after[name] <= before[name],
  }));
}

interface Course {
  readonly lives: Lives;
  readonly hooks: Hooks;
  readonly seconds: number;
}

function figuresOf(
  { ledger, trails, kept, left }: Found,
  { lives, hooks, seconds }: Course,
): Readonly<Record<string, number>> {
  const all = [...trails.values()];
  const refused = [...ledger.refused.values()].reduce((sum, count) => sum + count, 0);
  const interrupted = all.filter(({ ends }) => ends[0]?.error === 'INTERRUPTED').length;
  return {
    lives: lives.count(),
    ...ledger.counts(),
    refused,
    'accepted, as clients know it': ledger.accepted.size,
    'admitted, in the log': all.filter(({ admitted }) => admitted > 0).length,
    'ended, in the log': all.filter(({ ends }) => ends.length === 1).length,
    'of these interrupted': interrupted,
    'kept in the store': kept.rows.size,
    'left open by kills': left.reduce((sum, { open }) => sum + open.length, 0),
    keys: kept.keys,
    'webhooks to tell': ledger.hooked.size,
    'messages to webhooks': hooks.messages(),
    seconds: Math.round(seconds),
  };
}
