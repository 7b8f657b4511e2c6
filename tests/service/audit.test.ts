import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import type { AuditEntry } from '@gozolite/store/audit/log/entry';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';
import { eventually, serverUnderTest } from '../server-under-test.js';
import { type Home, type Keyed, makeHome, startKeyed } from './keyed-server.js';

const SECRETS = ['s3cret-program', 's3cret-input', 's3cret-argument', 's3cret-variable'];

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function logText(folder: string): string {
  return readFileSync(join(folder, 'audit', 'log'), 'utf8');
}

function entriesOf(folder: string): readonly AuditEntry[] {
  return logText(folder)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function kindsOf(entries: readonly AuditEntry[], id: string): readonly string[] {
  return entries.filter(({ execution_id: of }) => of === id).map(({ kind }) => kind);
}

/** Which toolchains there are is known already: to ask each again takes a busy minute. */
async function knowingHome(): Promise<Home> {
  const home = await makeHome('sqlite');
  const known = join(serverUnderTest().state, 'data', 'detection.json');
  copyFileSync(known, join(home.folder, 'detection.json'));
  return home;
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

test('verify, export, checkpoint and rotate-key, as one uses them', async () => {
  await using home = await knowingHome();
  const env = { ...home.env, GOZO_AUTH: 'none', GOZO_AUDIT: 'true' };
  const gozo = (...args: readonly string[]) => home.gozo('audit', ...args);
  const log = join(home.folder, 'audit', 'log');
  const early = join(home.folder, 'early.checkpoint');
  {
    await using server = await startOwnServer(env);
    const client = new Gozo({ url: server.url });
    await client.execute({ language: 'bash', code: 'echo one' });
    await eventually('it is signed', 60_000, async () =>
      (await gozo('verify')).stdout.includes('not signed') ? undefined : true,
    );
    writeFileSync(early, (await gozo('checkpoint')).stdout);
    const before = readFileSync(join(home.folder, 'audit', 'key.pub'), 'utf8').trim();
    const rotated = await gozo('rotate-key');
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    await eventually('the key is another', 60_000, () =>
      readFileSync(join(home.folder, 'audit', 'key.pub'), 'utf8').startsWith(rotated.stdout)
        ? true
        : undefined,
    );
    await client.execute({ language: 'bash', code: 'echo two' });
    server.child.kill('SIGTERM');
    await server.ended;
    const fine = await gozo('verify', '--key', before, '--since', early);
    assert.equal(fine.exitCode, 0, fine.stdout);
    assert.ok(fine.stdout.includes(rotated.stdout.trim()));
  }
  const file = join(home.folder, 'export.ndjson');
  assert.equal((await gozo('export', '--file', file)).exitCode, 0);
  assert.equal((await gozo('verify', '--file', file, '--since', early)).exitCode, 0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"exit_code":0', '"exit_code":1'));
  const changed = await gozo('verify', '--file', file);
  assert.equal(changed.exitCode, 1);
  assert.match(changed.stdout, /NOT AS WRITTEN: line \d+: entry \d+ was changed/);
  const late = join(home.folder, 'late.checkpoint');
  writeFileSync(late, (await gozo('checkpoint')).stdout);
  const whole = readFileSync(log, 'utf8');
  const cut = whole.lastIndexOf('\n', whole.length - 2) + 1;
  truncateSync(log, cut);
  for (const name of ['checkpoint', 'rows', 'hashes']) rmSync(join(home.folder, 'audit', name));
  const short = await gozo('verify', '--since', late);
  assert.equal(short.exitCode, 1);
  assert.match(short.stdout, /the log was cut/);
});

test('a log that was changed stops the start, and says what to do', async () => {
  await using home = await knowingHome();
  const env = { ...home.env, GOZO_AUTH: 'none', GOZO_AUDIT: 'true' };
  {
    await using server = await startOwnServer(env);
    server.child.kill('SIGTERM');
    await server.ended;
  }
  const folder = join(home.folder, 'audit');
  writeFileSync(join(folder, 'log'), logText(home.folder).replace('"opened"', '"policy"'));
  for (const name of ['rows', 'hashes']) rmSync(join(folder, name));
  await assert.rejects(
    startOwnServer(env),
    /is not what was signed.*gozo audit verify says where/s,
  );
});

test('a full disk: nothing is run that is not on record, until there is room again', async () => {
  await using home = await knowingHome();
  const folder = join(home.folder, 'audit');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder]);
  const filler = join(folder, 'filler');
  const hello = { language: 'bash', code: 'echo hello' };
  try {
    await using server = await startOwnServer({
      ...home.env,
      ...{ GOZO_AUTH: 'none', GOZO_AUDIT: 'true' },
    });
    const gozo = new Gozo({ url: server.url });
    await gozo.execute(hello);
    const fill = () => {
      for (let size = 64 * 1024; size > 0; size = Math.floor(size / 2)) {
        for (;;) {
          try {
            appendFileSync(filler, Buffer.alloc(size));
          } catch {
            break;
          }
        }
      }
    };
    // A page of the log may have room for some more entries.
    const refused = await eventually('a refusal', 120_000, async () => {
      fill();
      return gozo.execute(hello).then(
        () => undefined,
        (error: unknown) => String(error),
      );
    });
    assert.match(refused, /audit log/i);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^gozolite_refusals_total\{code="AUDIT_UNAVAILABLE"\} [1-9]/m);
    rmSync(filler);
    const served = await eventually('it is served again', 120_000, () =>
      gozo.execute(hello).catch(() => undefined),
    );
    assert.equal(served.stdout, 'hello\n');
    server.child.kill('SIGTERM');
    await server.ended;
    const verified = await home.gozo('audit', 'verify');
    assert.equal(verified.exitCode, 0, verified.stdout);
    assert.deepEqual(kindsOf(entriesOf(home.folder), served.id), ['admitted', 'started', 'ended']);
  } finally {
    execFileSync('umount', ['--lazy', folder]);
  }
});

test('without keys there is no log unless it is wanted', () => {
  assert.ok(existsSync(join(serverUnderTest().state, 'data', 'detection.json')));
  assert.ok(!existsSync(join(serverUnderTest().state, 'data', 'audit')));
});
