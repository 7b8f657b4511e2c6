import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Diagnostics } from '@gozolite/contract/capabilities';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { get } from '../integration/client.js';
import { startOwnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { startKeyed } from '../service/keyed-server.js';
import { cheapWorld, type World } from './world.js';

/**
 * Schemathesis reads the server's own OpenAPI document and holds the server to it: all checks, all
 * phases. What it is to find is nothing. The settings and their reasons are in schemathesis.toml.
 */

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SEED = process.env.GOZO_TEST_SEED ?? '20261122';
const EXAMPLES = process.env.GOZO_TEST_EXAMPLES ?? '100';
const RUN_MS_MAX = 4 * 3_600_000;

let world: World;
beforeAll(() => {
  world = cheapWorld();
});
afterAll(() => world[Symbol.dispose]());

interface Asking {
  readonly url: string;
  readonly headers?: readonly string[];
  /** Ids that nothing is to be revoked of. */
  readonly protect?: readonly string[];
}

/** @returns what it says in the end, and how it ended */
async function schemathesis({ url, headers = [], protect = [] }: Asking) {
  const program = process.env.GOZO_TEST_SCHEMATHESIS;
  assert.ok(program, 'GOZO_TEST_SCHEMATHESIS is not set: scripts/test.mjs --only contract');
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-schemathesis-'));
  const report = join(folder, 'report.xml');
  const args = [
    ...['--config-file', join(HERE, 'schemathesis.toml'), 'run', `${url}/openapi.json`],
    ...['--checks', 'all', '--max-examples', EXAMPLES, '--seed', SEED, '--workers', '1'],
    ...['--phases', 'examples,coverage,fuzzing,stateful', '--continue-on-failure'],
    ...['--generation-database', 'none', '--request-timeout', '60', '--no-color'],
    ...['--suppress-health-check', 'all', '--report', 'junit', '--report-junit-path', report],
    ...headers.flatMap((header) => ['--header', header]),
  ];
  const env = {
    ...process.env,
    SCHEMATHESIS_HOOKS: join(HERE, 'hooks.py'),
    PYTHONDONTWRITEBYTECODE: '1',
    GOZO_TEST_PROTECTED: protect.join(','),
  };
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-100_000);
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const cases = /<testsuites[^>]* tests="(\d+)"/.exec(readFileSync(report, 'utf8'))?.[1];
  rmSync(folder, { recursive: true });
  return { code, said, cases: Number(cases) };
}

async function operationsOf(url: string): Promise<number> {
  const { paths } = await get<{ paths: Record<string, object> }>('/openapi.json', url);
  return Object.values(paths).flatMap((methods) => Object.keys(methods)).length;
}

/** Everything that was asked for has ended, and the next one is served as the first was. */
async function restsAfter(url: string, headers: Record<string, string> = {}): Promise<void> {
  await eventually('nothing to run any more', 60_000, async () => {
    const response = await fetch(`${url}/diagnostics`, { headers });
    const { running, queued, quarantined } = ((await response.json()) as Diagnostics).load;
    return running + queued + quarantined === 0 || undefined;
  });
  const init = { 'content-type': 'application/json', ...headers };
  const limits = { wall_time_ms: 60_000 };
  const body = JSON.stringify({ language: 'bash', code: 'echo after', limits });
  const answer = await fetch(`${url}/execute`, { method: 'POST', headers: init, body });
  assert.match(await answer.text(), /"stdout":"after\\n"/);
}

// Each is one process of one CPU.
describe.concurrent('finds nothing', () => {
  test('without keys', { timeout: RUN_MS_MAX }, async () => {
    await using server = await startOwnServer(world.env);
    const { code, said, cases } = await schemathesis({ url: server.url });
    assert.equal(code, 0, said);
    assert.ok(cases >= (await operationsOf(server.url)), `${cases} test cases only`);
    await restsAfter(server.url);
  });

  test('with keys', { timeout: RUN_MS_MAX }, async () => {
    await using keyed = await startKeyed('postgres', world.env);
    const { server, admin } = keyed;
    const key = await keyed.home.key('ops', 'admin', 'execute', 'read', 'metrics');
    const keys = await admin.admin.listKeys('ops');
    const { code, said, cases } = await schemathesis({
      url: server.url,
      headers: [`Authorization: Bearer ${key}`],
      protect: ['ops', ...keys.map(({ id }) => id)],
    });
    assert.equal(code, 0, said);
    assert.ok(cases >= (await operationsOf(server.url)), `${cases} test cases only`);
    await restsAfter(server.url, { authorization: `Bearer ${key}` });
  });
});

test('the version is the one that is pinned', () => {
  const pins = readFileSync(join(HERE, 'requirements.txt'), 'utf8');
  const version = /^schemathesis==(\S+)$/m.exec(pins)?.[1];
  const said = execFileSync(process.env.GOZO_TEST_SCHEMATHESIS ?? '', ['--version']);
  assert.ok(version !== undefined && said.includes(version), String(said));
});
