import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { issuerForTests } from '@gozolite/tenancy/oidc/issuer-under-test';
import { afterAll, beforeAll, test } from 'vitest';
import { freePort } from '../../../scripts/test/test-server.mjs';
import { endLauncher, type Launcher, newFolder, startLauncher } from '../../faults/launcher.js';
import { killServer, type Server, startServer } from '../../faults/server.js';
import { eventually } from '../../server-under-test.js';
import { logText } from '../audit-entries.js';
import { type Home, makeHome } from '../keyed-server.js';
import { MARK, marksIn } from './markers.js';
import { type OtlpReceiver, startReceiver } from './otlp-receiver.js';

let receiver: OtlpReceiver;
let idp: Awaited<ReturnType<typeof issuerForTests>>;
let home: Home;
let launcher: Launcher;
let server: Server;
let keys: { readonly tenant: string; readonly admin: string; readonly metrics: string };
beforeAll(async () => {
  receiver = await startReceiver();
  idp = await issuerForTests();
  home = await makeHome('sqlite');
  const folder = newFolder();
  const before = `exec > ${folder}/log 2>&1; exec`;
  launcher = await startLauncher({ folder, before });
  for (const tenant of ['acme', 'ops']) await home.gozo('tenants', 'create', tenant);
  keys = {
    tenant: await home.key('acme'),
    admin: await home.key('ops', 'admin', 'execute', 'read'),
    metrics: await home.key('ops', 'metrics'),
  };
  const tenant = { claim: 'org' };
  const issuers = [{ issuer: idp.issuer, audience: ['gozolite'], tenant }];
  writeFileSync(join(home.folder, 'oidc.yaml'), JSON.stringify({ issuers }));
  const env = {
    ...{ ...home.env, ...receiver.env, GOZO_LOG_LEVEL: 'debug', GOZO_METRICS_TENANTS: 'true' },
    GOZO_OIDC: join(home.folder, 'oidc.yaml'),
  };
  const { socket } = launcher;
  const plan = { socket, data: home.folder, port: await freePort(), env };
  server = await startServer({ ...plan, before: 'exec 2>&1; exec' });
  await eventually('it is ready', 60_000, async () => {
    const { status } = await fetch(`${server.url}/readyz`);
    return status === 200 ? true : undefined;
  });
});
afterAll(async () => {
  if (server !== undefined) await killServer(server);
  if (launcher !== undefined) await endLauncher(launcher);
  await home?.[Symbol.asyncDispose]();
  await idp?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

const EVERYWHERE = {
  ...{ 'x-secret': MARK.header, cookie: `a=${MARK.cookie}`, 'user-agent': MARK.agent },
  'x-request-id': `${MARK.requestId} is not sane`,
  ...{ traceparent: `00-${MARK.trace}`, tracestate: `a=${MARK.trace}` },
};

interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Any request; its status, and its body where that is JSON. */
async function ask(path: string, { method = 'POST', body, headers }: Ask = {}) {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...{ authorization: `Bearer ${keys.tenant}`, 'content-type': 'application/json' },
      ...{ ...EVERYWHERE, ...headers },
    },
    ...(body === undefined
      ? {}
      : { body: Buffer.isBuffer(body) ? new Uint8Array(body) : textOf(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, record: text.startsWith('{') ? JSON.parse(text) : {} };
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

const GOOD = {
  language: 'bash',
  files: [
    {
      path: `${MARK.fileName}.sh`,
      content: `# ${MARK.code}\ncat; echo ${MARK.output} >&2; exit 3`,
    },
    { path: 'b', content: MARK.fileText },
  ],
  ...{ stdin: MARK.stdin, args: [MARK.arg], env: { [MARK.envName]: MARK.envValue } },
  ...{ labels: { a: MARK.label }, artifacts: [`${MARK.glob}*`] },
};

async function good(): Promise<readonly string[]> {
  const ids: string[] = [];
  const run = await ask('/execute', { body: GOOD });
  assert.equal(run.record.status, 'runtime_error', JSON.stringify(run.record));
  ids.push(run.record.id);
  const broken = { language: 'c', code: `int main(void) { ${MARK.code} }` };
  const compiled = await ask('/execute', {
    body: { ...broken, compile: { args: [`-D${MARK.compileArg}`] } },
  });
  assert.equal(compiled.record.status, 'compile_error', JSON.stringify(compiled.record));
  const headers = { 'idempotency-key': MARK.idempotencyKey };
  for (let times = 0; times < 2; times += 1) {
    assert.equal((await ask('/execute', { body: GOOD, headers })).status, 200);
  }
  const other = await ask('/execute', { body: { ...GOOD, stdin: '' }, headers });
  assert.equal(other.status, 422);
  const kept = await ask('/executions', { body: GOOD });
  assert.equal(kept.status, 202);
  ids.push(kept.record.id);
  await ask(`/executions/${kept.record.id}/events`, { method: 'GET' });
  await ask(`/executions/${kept.record.id}?wait_s=5`, { method: 'GET' });
  const batch = await ask('/executions/batch', {
    body: { executions: [GOOD, { language: MARK.language, code: MARK.code }] },
  });
  assert.ok([202, 207].includes(batch.status), String(batch.status));
  const exp = Math.floor(Date.now() / 1000) + 600;
  const token = await idp.token({ org: 'acme', exp, note: MARK.claim });
  const byToken = { authorization: `Bearer ${token}` };
  assert.equal((await ask('/execute', { body: GOOD, headers: byToken })).status, 200);
  return ids;
}

async function bad(): Promise<void> {
  const refused = (body: unknown) => ask('/execute', { body });
  const bodies: readonly unknown[] = [
    `{"code": "${MARK.brokenJson}`,
    `${MARK.brokenJson}`,
    Buffer.concat([Buffer.from(`{"code": "${MARK.rawBytes}`), Buffer.from([0xff, 0xfe])]),
    { ...GOOD, [MARK.unknownField]: MARK.unknownField },
    { ...GOOD, language: MARK.language },
    { ...GOOD, stdin: { [MARK.stdin]: 1 } },
    { ...GOOD, stdin: `${MARK.stdin}!`, stdin_encoding: 'base64' },
    { ...GOOD, files: [{ path: `../${MARK.fileName}`, content: MARK.fileText }] },
    { ...GOOD, env: { [`${MARK.envName}=`]: MARK.envValue } },
    { ...GOOD, network: { allow: [`${MARK.network}:1`] } },
    { ...GOOD, data: [MARK.dataSet] },
    { ...GOOD, artifacts: [`../${MARK.glob}`] },
    { ...GOOD, labels: { [MARK.label]: MARK.label.repeat(100) } },
    { ...GOOD, limits: { [MARK.unknownField]: 1 } },
    [MARK.code],
  ];
  for (const body of bodies) assert.ok((await refused(body)).status >= 400, textOf(body));
  await refused(`{"language": "bash", "code": "x", "code": "${MARK.brokenJson}"}`);
  const types = { 'content-type': `text/${MARK.mediaType}` };
  assert.equal((await ask('/execute', { body: GOOD, headers: types })).status, 415);
  const get = (path: string) => ask(path, { method: 'GET' });
  const paths = [`/executions?cursor=${MARK.query}&${MARK.query}=1`, `/nowhere/${MARK.path}`];
  for (const path of [...paths, `/executions/${MARK.path}`, `/executions/${MARK.path}/receipt`]) {
    assert.ok((await get(path)).status >= 400, path);
  }
  for (const path of ['/admin/keys', '/admin/tenants', '/executions', '/executions/batch']) {
    const headers = { authorization: `Bearer ${keys.admin}` };
    const body = { [MARK.unknownField]: MARK.unknownField };
    assert.ok((await ask(path, { body, headers })).status >= 400, path);
  }
  await get(`/usage?${MARK.query}`);
  for (const authorization of [`Bearer ${MARK.key}`, `Basic ${MARK.key}`, MARK.key]) {
    assert.equal((await ask('/execute', { body: GOOD, headers: { authorization } })).status, 401);
  }
  const wrong = await idp.token({ org: MARK.claim, exp: 1 });
  for (const token of [wrong, `${MARK.token}.${MARK.token}.${MARK.token}`]) {
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await ask('/execute', { body: GOOD, headers })).status, 401);
  }
  await raw(`${MARK.method} /${MARK.path} HTTP/9.9\r\n\r\n`);
  await raw(
    `POST /execute HTTP/1.1\r\nHost: ${MARK.header}\r\nx: ${MARK.oversized.repeat(2000)}\r\n\r\n`,
  );
  await raw(`POST /execute HTTP/1.1\r\nHost: ${MARK.header}\r\nContent-Length: 9\r\n\r\n{}`);
}

/** Bytes as they are, until the server has answered them, or this end has had enough. */
async function raw(bytes: string): Promise<void> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  socket.end(bytes);
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
}

/** The launcher dies under a program, and does not come back. */
async function crash(): Promise<string> {
  const sleeping = `# ${MARK.code}\necho ${MARK.output}\nsleep 60`;
  const { record } = await ask('/executions', {
    body: { ...GOOD, files: undefined, code: sleeping },
  });
  const shown = async () => (await ask(`/executions/${record.id}`, { method: 'GET' })).record;
  await eventually('it runs', 60_000, async () =>
    (await shown()).state === 'running' ? true : undefined,
  );
  launcher.process.kill('SIGKILL');
  await eventually('it has ended', 60_000, async () =>
    (await shown()).state === 'ended' ? true : undefined,
  );
  assert.equal((await ask('/execute', { body: GOOD })).record.error, 'SANDBOX_UNAVAILABLE');
  return record.id;
}

async function told(path: string, key: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}` };
  return (await fetch(`${server.url}${path}`, { headers })).text();
}

test('nothing that a caller sends is in a log, a trace, a metric or on record', async () => {
  const ids = [...(await good())];
  await bad();
  const before = { diagnostics: await told('/diagnostics', keys.admin) };
  ids.push(await crash());
  for (const id of ids) {
    const isTraced = () => receiver.bodies.some((body) => body.includes(id));
    await eventually(`${id} is traced`, 60_000, async () => isTraced() || undefined);
  }
  const sources: Readonly<Record<string, string>> = {
    log: await eventually('the log is whole', 60_000, () => {
      const log = server.log.join('\n');
      return ids.every((id) => log.includes(`"executionId":"${id}"`)) ? log : undefined;
    }),
    "the launcher's log": readFileSync(join(launcher.folder, 'log'), 'utf8'),
    traces: receiver.bodies.join('\n'),
    metrics: await told('/metrics', keys.metrics),
    audit: logText(home.folder),
    diagnostics: await told('/diagnostics', keys.admin),
    'diagnostics before': before.diagnostics,
  };
  for (const [name, text] of Object.entries(sources)) {
    assert.deepEqual(marksIn(text), [], `in ${name}`);
    for (const key of Object.values(keys)) assert.ok(!text.includes(key), `a key in ${name}`);
  }
  // What was looked at is what there is to look at.
  assert.match(sources.metrics ?? '', /gozolite_executions_total\{language="bash"/);
  assert.match(sources.diagnostics ?? '', /"launcher"/);
  for (const id of ids) assert.ok(sources.audit?.includes(id));
});

test('the lines of an execution have its id, its request and its trace', async () => {
  const [line] = server.log.filter((each) => each.includes('stage finished'));
  const { executionId, requestId, traceId } = JSON.parse(line ?? '{}');
  assert.match(executionId, /^exe_/);
  assert.match(requestId, /^req_/);
  assert.match(traceId, /^[0-9a-f]{32}$/);
  assert.ok(receiver.bodies.some((body) => body.includes(traceId)));
});

test('marked words would be found, in base64 as well', () => {
  for (const before of ['', 'a', 'ab', 'abc']) {
    const text = Buffer.from(`${before}${MARK.code} and more`).toString('base64url');
    assert.deepEqual(marksIn(`x ${text}`), [MARK.code]);
  }
  assert.deepEqual(marksIn(`x${MARK.stdin}x`), [MARK.stdin]);
});
