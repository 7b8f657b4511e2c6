import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SETUP_STEPS } from '@gozolite/contract/outcome';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import { restingCounts } from './counts.js';
import { buildLab, endLauncher, type Launcher, newFolder, touch } from './launcher.js';
import {
  execute,
  killServer,
  logged,
  planServer,
  type Server,
  type ServerPlan,
  startServer,
  timesLogged,
} from './server.js';
import {
  goesOn,
  IRIS,
  ofStep,
  startStopping,
  startUnstopped,
  stopped,
  TARGET,
} from './stopping.js';

/**
 * The server that npm start runs, killed with a request under way while its launcher stands at a
 * step. The next one comes to the same launcher, and is the one that is killed at the next step.
 */
const HELLO = { language: 'bash', code: 'echo 42' };
const SLEEPER = { language: 'bash', code: 'exec sleep 60' };
const PREPARED = '"stage":"prepare"';

const folder = newFolder();
let program: string;
let launcher: Launcher;
let plan: ServerPlan;
let server: Server;
/** What a launcher holds at rest whose server went away with nothing under way. */
let rest: Awaited<ReturnType<typeof restingCounts>>;

beforeAll(async () => {
  program = buildLab('fault-lab');
  launcher = await startUnstopped(program, folder);
  const allowed = { GOZO_NETWORK_ALLOW: TARGET, GOZO_DATA_ALLOW: IRIS };
  const env = { ...allowed, GOZO_PACKS: join(folder, 'packs') };
  plan = { ...(await planServer(launcher.socket)), env };
  server = await startServer(plan);
  await answersAtOnce();
  await killServer(server);
  rest = await restingCounts(launcher);
  server = await startServer(plan);
  assert.deepEqual(await endLauncher(launcher), []);
}, 600_000);

/** What a test that failed leaves. */
afterEach(() => {
  launcher.process.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

afterAll(async () => {
  await killServer(server);
  rmSync(plan.data, { recursive: true });
});

async function answersAtOnce(): Promise<void> {
  assert.equal(await execute(server, HELLO), '200 ok: 42\n', 'the first answer that it gives');
}

test.each(SETUP_STEPS)('a server killed at %s: nothing is left, the next answers', async (step) => {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const stopping = await startStopping(program, step, folder);
  launcher = stopping.launcher;
  const prepared = timesLogged(server, PREPARED);
  // A caller names a set; which tree that is, is for the server to know.
  const own = step === 'data' ? { data: [IRIS] } : ofStep(step, {});
  const answer = execute(server, { ...SLEEPER, ...own });
  await logged(server, PREPARED, prepared + 1);
  const pid = await stopped(launcher, step);
  await killServer(server);
  assert.equal(await answer, 'closed');
  touch(stopping.resume);
  await goesOn(pid);
  assert.deepEqual(await restingCounts(launcher), rest);
  server = await startServer(plan);
  await answersAtOnce();
  assert.deepEqual(await endLauncher(launcher), []);
});
