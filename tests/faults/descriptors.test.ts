import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { assertCalm } from './calm.js';
import { type Client, health, openClient } from './client.js';
import { restingCounts } from './counts.js';
import { endLauncher, type Launcher, startLauncher } from './launcher.js';
import {
  execute,
  killServer,
  planServer,
  type Server,
  type ServerPlan,
  startServer,
} from './server.js';

/** A server that has few descriptors, and clients that take them all and say nothing. */
const DESCRIPTORS = 96;
/** Executions that run at once. */
const AT_ONCE = 8;
const HELLO = { language: 'bash', code: 'echo 42' };
const SLEEPER = { language: 'bash', code: 'sleep 1; echo 42' };
const RAN = /^200 .*"stdout":"42\\n"/s;
const HEALTHY = /^200 /;
const BACK_MS_MAX = 40_000;

let launcher: Launcher;
let plan: ServerPlan;
let server: Server;
let rest: Awaited<ReturnType<typeof restingCounts>>;
let pid: number;

beforeAll(async () => {
  launcher = await startLauncher();
  const before = `ulimit -n ${DESCRIPTORS}; exec`;
  // What waits is counted: of eight at once the engine would have eight more wait.
  const env = { GOZO_CONCURRENCY: String(AT_ONCE), GOZO_POOL_CEILING: '0' };
  plan = { ...(await planServer(launcher.socket)), before, env };
  server = await startServer(plan);
  pid = server.child.pid ?? 0;
  assert.equal(await execute(server, HELLO), '200 ok: 42\n');
  rest = await restingCounts(launcher);
}, 180_000);

afterAll(async () => {
  await killServer(server);
  rmSync(plan.data, { recursive: true });
  assert.deepEqual(await endLauncher(launcher), []);
});

/** The soft limit, which whoever is no root may set, too. */
function limitDescriptors(soft: number): void {
  execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${soft}:`]);
}

/** Without one that was open when the limit was set. */
const descriptors = (): readonly number[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map(Number)
    .filter((each) => each < DESCRIPTORS);

const openMany = (): Promise<readonly Client[]> =>
  Promise.all(Array.from({ length: 2 * DESCRIPTORS }, () => openClient(server)));

/** Those whose connections the server took, as soon as it has closed all that it won't take. */
function taken(clients: readonly Client[]): Promise<readonly Client[]> {
  return eventually('some are in, the rest are closed', 20_000, () => {
    const left = clients.filter((each) => !each.isClosed());
    return left.length < DESCRIPTORS ? left : undefined;
  });
}

async function worksAsBefore(): Promise<void> {
  assert.equal(server.child.exitCode, null);
  assert.equal(await execute(server, HELLO), '200 ok: 42\n');
  assert.deepEqual(await restingCounts(launcher), rest);
}

test('more clients than descriptors: the silent give way, who asks gets answers', async () => {
  const clients = await openMany();
  const left = await taken(clients);
  const asking = left.at(-1);
  assert.ok(asking !== undefined, 'nobody is in');
  assert.ok(descriptors().length < DESCRIPTORS - 8, 'some are left to run programs');
  assert.match(await asking.ask('POST /execute', HELLO), RAN);
  // Nobody lets go: one of those that say nothing is let go of.
  assert.match(await health(server), HEALTHY);
  await assertCalm(pid);
  for (const each of clients) each.leave();
  await worksAsBefore();
});

test('no descriptor at all: 503 or closed, and as before when there are some', async () => {
  const asking = await Promise.all(Array.from({ length: AT_ONCE }, () => openClient(server)));
  for (const each of asking) assert.match(await each.ask('GET /healthz'), HEALTHY);
  limitDescriptors(Math.max(...descriptors()) + 1);
  const clients = await openMany();
  await taken(clients);
  assert.equal(await health(server), 'closed');
  const answers = await Promise.all(asking.map((each) => each.ask('POST /execute', SLEEPER)));
  // One connection to the launcher was open already.
  assert.ok(
    answers.some((each) => RAN.test(each)),
    answers.join('\n'),
  );
  const others = answers.filter((each) => !RAN.test(each));
  assert.ok(others.length > 0, 'there was none left');
  for (const each of others) assert.match(each, /^503 .*"SANDBOX_UNAVAILABLE"/s);
  await assertCalm(pid);
  limitDescriptors(DESCRIPTORS);
  for (const each of clients) each.leave();
  await eventually('/healthz by itself', BACK_MS_MAX, async () => {
    return HEALTHY.test(await health(server)) || undefined;
  });
  for (const each of asking) {
    assert.match(await each.ask('POST /execute', HELLO), RAN);
    each.leave();
  }
  await worksAsBefore();
});
