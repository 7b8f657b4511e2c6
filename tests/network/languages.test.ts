import assert from 'node:assert/strict';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import type { Problem } from '@gozolite/contract/refusal';
import { afterAll, beforeAll, test } from 'vitest';
import { get, post, run } from '../integration/client.js';
import { type OwnServer, startOwnServer } from '../integration/own-server.js';
import { CLIENTS, type Client, GO_TLS, GO_TLS_SOURCE } from './clients.js';
import { buildGo } from './go-client.js';
import { startWorld, type World } from './world.js';

/**
 * The whole way, over HTTP: clients of four languages that know nothing of a way out, with TLS from
 * end to end where their own library has it.
 */
const ALLOW = ['api.example.com:443', 'api.example.com:7', 'private.example.com:7'];
const LONG_MS = 180_000;

let world: World;
let server: OwnServer;

beforeAll(async () => {
  world = await startWorld(ALLOW);
  server = await startOwnServer({
    GOZO_SOCKET: world.socket,
    GOZO_NETWORK_ALLOW: [...ALLOW, 'beyond.example.com:443'].join(','),
    GOZO_NETWORK_BYTES: '1000000',
  });
}, LONG_MS);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

for (const client of CLIENTS) {
  test(`${client.language}: ${client.what}`, { timeout: LONG_MS }, () => connects(client));
}

test('go: over TLS', { timeout: 2 * LONG_MS }, async () => {
  const content = (await buildGo(GO_TLS_SOURCE)).toString('base64');
  await connects(GO_TLS, [{ path: 'client', content, encoding: 'base64', executable: true }]);
});

async function connects(
  { language, target, code, stdout }: Client,
  others: NonNullable<ExecuteRequest['files']> = [],
): Promise<void> {
  const { path, content } = code;
  const files = [{ path, content }, { path: 'ca.pem', content: world.certificate }, ...others];
  const network = { allow: [target] };
  const compile = { limits: { wall_time_ms: 120_000, cpu_time_ms: 120_000 } };
  const request = { language, entry: path, files, network, compile };
  const record = await run(request, server.url);
  assert.equal(record.stdout, stdout, JSON.stringify(record).slice(0, 4000));
  const [connection, ...more] = record.network_log ?? [];
  assert.deepEqual(more, []);
  assert.equal(`${connection?.host}:${connection?.port}`, target);
  assert.equal(connection?.address, '93.184.216.34');
  assert.equal(connection?.outcome, 'closed');
  assert.equal(record.prepared, false);
}

const python = { language: 'python', code: 'import socket\nprint(1)' };

test('what the policy lacks is 403, and names the entry', async () => {
  const body = { ...python, network: { allow: [ALLOW[0], 'evil.example.com:443'] } };
  const { status, body: answer } = await post(body, {}, server.url);
  const problem = answer as Problem;
  assert.equal(status, 403);
  assert.equal(problem.code, 'FORBIDDEN');
  assert.match(problem.detail, /evil\.example\.com:443/);
  assert.equal(problem.errors?.[0]?.pointer, '/network/allow/1');
});

test('a list without connections, and no list, are told apart in the record', async () => {
  const network = { allow: [ALLOW[0] ?? ''] };
  assert.deepEqual((await run({ ...python, network }, server.url)).network_log, []);
  const none = await run({ ...python, network: { allow: [] } }, server.url);
  assert.deepEqual(none.network_log, []);
  assert.equal((await run(python, server.url)).network_log, undefined);
});

test('a compiler has no network, whatever the run has', async () => {
  // The assembler includes what the compiler would have to reach: nothing resolves for it.
  const code = '#include "/etc/hosts"\nint main(void) { return 0; }';
  const network = { allow: [ALLOW[0] ?? ''] };
  const record = await run({ language: 'c', code, network }, server.url);
  assert.equal(record.status, 'compile_error');
  assert.doesNotMatch(record.compile?.stderr ?? '', /127\.64|api\.example\.com/);
  assert.match(record.compile?.stderr ?? '', /127\.0/);
  assert.deepEqual(record.network_log, []);
});

test('a server that permits more than its launcher gets no sandbox for it', async () => {
  const network = { allow: ['beyond.example.com:443'] };
  const { status, body } = await post({ ...python, network }, {}, server.url);
  const record = body as Execution;
  assert.equal(status, 503);
  assert.equal(record.error, 'SANDBOX_UNAVAILABLE');
  assert.match(record.message ?? '', /NETWORK/);
});

test('capabilities say what may be asked for', async () => {
  const { network } = await get<{ network: unknown }>('/capabilities', server.url);
  assert.deepEqual(network, {
    allow: [...ALLOW, 'beyond.example.com:443'],
    bytes_max: 1_000_000,
    connections_max: 64,
    time_ms_max: 60_000,
  });
});
