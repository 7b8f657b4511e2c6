import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { entriesOf, kindsOf, logText } from './audit-entries.js';
import { type Keyed, startKeyed } from './keyed-server.js';

const SECRETS = ['s3cret-program', 's3cret-input', 's3cret-argument', 's3cret-variable'];

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('what is on record', () => {
  let keyed: Keyed | undefined;
  beforeAll(async () => {
    keyed = await startKeyed('sqlite');
  });
  afterAll(() => keyed?.[Symbol.asyncDispose]());
  const its = () => {
    assert.ok(keyed);
    return keyed;
  };
  executions(its);
  receipts(its);
  refusals(its);
  // The last of this server: it is killed.
  kills(its);
});

function executions(its: () => Keyed): void {
  test('an execution, from its admission to its end, by digests alone', async () => {
    const keyed = its();
    const { gozo, key } = await keyed.tenant('acme');
    const code = `# ${SECRETS[0]}\nread -r line; echo "said $line $1 $NAMED"`;
    const record = await gozo.execute({
      ...{ language: 'bash', code, stdin: `${SECRETS[1]}\n` },
      ...{ args: [SECRETS[2] ?? ''], env: { NAMED: SECRETS[3] ?? '' } },
    });
    assert.equal(record.stdout, `said ${SECRETS.slice(1).join(' ')}\n`);
    const entries = entriesOf(keyed.home.folder);
    assert.deepEqual(kindsOf(entries, record.id), ['admitted', 'started', 'ended']);
    const ended = entries.find(
      ({ kind, execution_id: of }) => kind === 'ended' && of === record.id,
    );
    assert.ok(ended);
    const { tenant, request_id: requestId, status, exit_code: exitCode } = ended;
    assert.deepEqual([tenant, requestId], ['acme', record.request_id]);
    assert.deepEqual([status, exitCode], ['ok', 0]);
    assert.match(String(ended.policy), /^[0-9a-f]{64}$/);
    const words = { args: [SECRETS[2]], compile_args: [], env: { NAMED: SECRETS[3] } };
    assert.deepEqual(ended.digests, {
      code: sha256(code),
      stdin: sha256(`${SECRETS[1]}\n`),
      arguments: sha256(JSON.stringify(words)),
      stdout: sha256(record.stdout),
      stderr: sha256(''),
    });
    for (const secret of [...SECRETS, key]) assert.ok(!logText(keyed.home.folder).includes(secret));
  });
}

function receipts(its: () => Keyed): void {
  test('a receipt of an execution, for its tenant, checked offline', async () => {
    const keyed = its();
    const { gozo } = await keyed.tenant('customer');
    const { gozo: stranger } = await keyed.tenant('stranger');
    const record = await gozo.execute({ language: 'bash', code: 'echo 42' });
    const receipt = await gozo.receipt(record.id);
    const file = (name: string, text: string) => {
      const path = join(keyed.home.folder, name);
      writeFileSync(path, text);
      return path;
    };
    const paper = file('receipt.json', JSON.stringify(receipt));
    const [code, stdout] = [file('main.sh', 'echo 42'), file('stdout', record.stdout)];
    const key = readFileSync(join(keyed.home.folder, 'audit', 'key.pub'), 'utf8').trim();
    const verify = (...args: readonly string[]) =>
      keyed.home.gozo('receipt', 'verify', paper, '--key', key, ...args);
    const right = await verify('--code', code, '--stdout', stdout);
    assert.equal(right.exitCode, 0, right.stdout + right.stderr);
    assert.match(right.stdout, new RegExp(`^${record.id}: ok, of customer, ended `));
    assert.equal((await verify('--code', stdout)).exitCode, 1);
    await assert.rejects(stranger.receipt(record.id), /No execution of yours/);
    await assert.rejects(gozo.receipt(record.id.replace(/.$/, 'x')), /No execution of yours/);
    assert.deepEqual((await keyed.admin.receipt(record.id)).payloadType, receipt.payloadType);
  });

  test('a checkpoint over HTTP is one to verify since', async () => {
    const keyed = its();
    const headers = { authorization: `Bearer ${keyed.adminKey}` };
    const ask = (path: string) => fetch(`${keyed.server.url}/audit/${path}`, { headers });
    const { key, log } = (await (await ask('key')).json()) as { key: string; log: string };
    const note = await (await ask('checkpoint')).text();
    assert.ok(note.startsWith(`${log}\n`));
    const file = join(keyed.home.folder, 'over-http.checkpoint');
    writeFileSync(file, note);
    const { exitCode, stdout } = await keyed.home.gozo(
      ...['audit', 'verify', '--since', file, '--key', key],
    );
    assert.equal(exitCode, 0, stdout);
  });
}

function refusals(its: () => Keyed): void {
  test('refusals, wrong keys, and what is done to tenants and keys', async () => {
    const keyed = its();
    const { url } = keyed.server;
    const { key, info } = await keyed.tenant('narrow');
    const before = entriesOf(keyed.home.folder).length;
    const post = (authorization: string, body: string) =>
      fetch(`${url}/execute`, {
        ...{ method: 'POST', body },
        headers: { authorization, 'content-type': 'application/json' },
      });
    assert.equal((await post(`Bearer ${key}`, '{"language":"nonsense","code":""}')).status, 422);
    assert.equal((await post('Bearer wrong', '{}')).status, 401);
    await keyed.admin.admin.revokeKey(info.id);
    assert.equal((await keyed.home.gozo('tenants', 'create', 'by-hand')).exitCode, 0);
    const entries = await eventually('all of it on record', 60_000, () => {
      const all = entriesOf(keyed.home.folder).slice(before);
      const targets = all.map(({ target, code }) => target ?? code);
      const wanted = ['UNKNOWN_LANGUAGE', 'UNAUTHENTICATED', info.id, 'by-hand'];
      return wanted.every((each) => targets.includes(each)) ? all : undefined;
    });
    const of = (what: unknown) => entries.find(({ target, code }) => (target ?? code) === what);
    assert.deepEqual(
      [of('UNKNOWN_LANGUAGE')?.tenant, of('UNKNOWN_LANGUAGE')?.key_id],
      [...['narrow', info.id]],
    );
    assert.equal(of('UNAUTHENTICATED')?.tenant, undefined);
    const revoked = of(info.id);
    assert.deepEqual([revoked?.action, revoked?.tenant], ['revokeKey', 'ops']);
    assert.deepEqual([of('by-hand')?.action, of('by-hand')?.by], ['createTenant', 'gozo']);
    assert.ok(!logText(keyed.home.folder).includes(key));
  });
}

function kills(its: () => Keyed): void {
  test('kill -9: it goes on where it was, closes what was open, and verifies', async () => {
    const keyed = its();
    const { home, server } = keyed;
    const { key } = await keyed.tenant('doomed');
    const doomed = new Gozo({ url: server.url, key });
    const sleeping = { language: 'bash', code: 'sleep 30', limits: { wall_time_ms: 40_000 } };
    const call = doomed.execute(sleeping).catch(() => 'gone');
    const started = await eventually('it is started', 60_000, () =>
      entriesOf(home.folder).find(({ kind, tenant }) => kind === 'started' && tenant === 'doomed'),
    );
    server.child.kill('SIGKILL');
    await server.ended;
    assert.equal(await call, 'gone');
    appendFileSync(join(home.folder, 'audit', 'log'), '{"index":');
    const id = started.execution_id ?? '';
    assert.deepEqual(kindsOf(entriesOf(home.folder), id), ['admitted', 'started']);
    await using next = await startOwnServer(home.env);
    const record = await new Gozo({ url: next.url, key }).execute({ language: 'bash', code: ':' });
    const entries = entriesOf(home.folder);
    assert.deepEqual(kindsOf(entries, id), ['admitted', 'started', 'interrupted']);
    assert.deepEqual(kindsOf(entries, record.id), ['admitted', 'started', 'ended']);
    assert.equal(entries.findLast(({ kind }) => kind === 'opened')?.cut_bytes, 9);
    next.child.kill('SIGTERM');
    await next.ended;
    const { exitCode, stdout } = await home.gozo('audit', 'verify');
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /, 0 findings$/m);
  });
}
