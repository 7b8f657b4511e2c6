import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { KeptExecution } from '@gozolite/contract/kept/kept';
import { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { BUILD, type OwnServer, startOwnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { codeOf, HELLO, type Its, SLEEPING, send } from './calls.js';
import { eventsOf } from './events.js';
import { keysOf, onceOf } from './idempotency.js';
import { type Keyed, run, STORES, startKeyed } from './keyed-server.js';

describe('on loopback, without keys', () => {
  let server: OwnServer | undefined;
  beforeAll(async () => {
    server = await startOwnServer({ GOZO_CONCURRENCY: '2' });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  const its = () => {
    assert.ok(server);
    return { url: server.url, gozo: new Gozo({ url: server.url }) };
  };
  lifeOf(its);
  batchesOf(its);
  commandsOf(its);
  listsOf(its);
  keysOf(its);
  onceOf(its);
  eventsOf(its);
});

function lifeOf(its: Its): void {
  test('accepted at once, and its record is as /execute gives one', async () => {
    const { url, gozo } = its();
    const labels = { submission: '7' };
    const answer = await send(`${url}/executions`, { ...HELLO, labels });
    assert.equal(answer.status, 202);
    const accepted = (await answer.json()) as KeptExecution;
    assert.equal(answer.headers.get('location'), `/executions/${accepted.id}`);
    assert.deepEqual([accepted.language, accepted.labels], ['bash', labels]);
    const record = await gozo.wait(accepted.id);
    assert.deepEqual([record.id, record.status, record.stdout], [accepted.id, 'ok', 'hello\n']);
    const waited = await gozo.execute({ ...HELLO, labels });
    assert.deepEqual(Object.keys(record).sort(), Object.keys(waited).sort());
    const kept = await gozo.execution(accepted.id);
    assert.deepEqual([kept.state, kept.status, kept.record], ['ended', 'ok', record]);
    assert.ok((kept.started_at ?? '') <= (kept.ended_at ?? '') && kept.started_at);
  });

  test('what /execute refuses is refused, and nothing is kept of it', async () => {
    const { url, gozo } = its();
    const before = (await gozo.executions({ limit: 1 })).executions[0]?.id;
    assert.equal(
      await codeOf(gozo.submit({ language: 'pyton', code: '' })),
      '422 UNKNOWN_LANGUAGE',
    );
    assert.equal((await send(`${url}/executions`, { ...HELLO, codes: 1 })).status, 400);
    assert.equal((await gozo.executions({ limit: 1 })).executions[0]?.id, before);
  });

  test('DELETE ends one that runs and one that waits; what has ended stays', async () => {
    const { gozo } = its();
    const all = await Promise.all([1, 2, 3].map(() => gozo.submit(SLEEPING)));
    const states = () => Promise.all(all.map(({ id }) => gozo.execution(id)));
    await eventually('two run and one waits', 30_000, async () => {
      const seen = (await states()).map(({ state }) => state).sort();
      return seen.join() === 'queued,running,running' ? true : undefined;
    });
    const waiting = (await states()).find(({ state }) => state === 'queued');
    assert.equal(waiting?.position, 1);
    for (const { id } of all) {
      const { state, status, record } = await gozo.cancel(id);
      assert.deepEqual([state, status, record?.status], ['ended', 'cancelled', 'cancelled']);
    }
    const { id } = await gozo.submit(HELLO);
    await gozo.wait(id);
    assert.equal((await gozo.cancel(id)).status, 'ok');
    const nobody = 'exe_00000000-0000-7000-8000-000000000000';
    assert.equal(await codeOf(gozo.cancel(nobody)), '404 NOT_FOUND');
    assert.equal(await codeOf(gozo.execution(nobody)), '404 NOT_FOUND');
    assert.equal(await codeOf(gozo.execution('../healthz')), '404 NOT_FOUND');
    assert.equal(await codeOf(gozo.execution('\0')), '400 BAD_REQUEST');
  });
}

function batchesOf(its: Its): void {
  test('of a batch each is accepted or refused by itself', async () => {
    const { url, gozo } = its();
    const wanted = [HELLO, { language: 'nonsense', code: '' }, { ...HELLO, code: 'exit 3' }];
    const told = await gozo.submitBatch(wanted);
    assert.deepEqual(
      told.map(({ execution, problem }) => execution?.language ?? problem?.code),
      ['bash', 'UNKNOWN_LANGUAGE', 'bash'],
    );
    const ids = told.flatMap(({ execution }) => (execution ? [execution.id] : []));
    const records = await Promise.all(ids.map((id) => gozo.wait(id)));
    assert.deepEqual(
      records.map(({ status }) => status),
      ['ok', 'runtime_error'],
    );
    const many = { executions: Array.from({ length: 101 }, () => HELLO) };
    for (const body of [{ executions: [] }, many, { executions: HELLO }, { other: [] }, []]) {
      const answer = await send(`${url}/executions/batch`, body);
      assert.ok(answer.status === 422 || answer.status === 400, `${answer.status}`);
    }
  });
}

function commandsOf(its: Its): void {
  test('gozo submit prints an id; gozo executions waits for it, lists and cancels', async () => {
    const env = { GOZO_URL: its().url };
    const gozo = (...args: readonly string[]) => run([join(BUILD, 'gozo.mjs'), ...args], env);
    const code = 'cat; echo err >&2; exit 3';
    const submit = ['submit', '-l', 'bash', '-c', code, '--idempotency-key', randomUUID()];
    const submitted = await gozo(...submit);
    assert.equal(submitted.exitCode, 0, submitted.stderr);
    const id = submitted.stdout.trim();
    assert.equal((await gozo(...submit)).stdout.trim(), id);
    const waited = await gozo('executions', 'wait', id);
    assert.deepEqual([waited.exitCode, waited.stdout], [3, '']);
    assert.match(waited.stderr, /^err\n/);
    const listed = await gozo('executions', '--status', 'runtime_error', '-l', 'bash');
    assert.ok(
      listed.stdout.split('\n').some((line) => line.startsWith(`${id}  `)),
      listed.stdout,
    );
    const slow = (await gozo('submit', '-l', 'bash', '-c', 'sleep 30')).stdout.trim();
    assert.match((await gozo('executions', 'cancel', slow)).stdout, / ended +cancelled /);
    const shown = JSON.parse((await gozo('executions', 'show', slow)).stdout);
    assert.equal(shown.record.status, 'cancelled');
    assert.equal((await gozo('executions', 'show', 'exe_x')).exitCode, 64);
  });
}

function listsOf(its: Its): void {
  test('the list goes page by page through all, by status and language', async () => {
    const { gozo, url } = its();
    const codes = ['exit 0', 'exit 1', 'exit 0', 'exit 1', 'exit 0'];
    const told = await gozo.submitBatch(codes.map((code) => ({ language: 'bash', code })));
    const ids = told.map(({ execution }) => execution?.id ?? '');
    for (const id of ids) await gozo.wait(id);
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await gozo.executions({ limit: 2, ...(cursor && { cursor }) });
      assert.ok(page.executions.every(({ record }) => record === undefined));
      seen.push(...page.executions.map(({ id }) => id));
      cursor = page.next_cursor;
      if (cursor === undefined) break;
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(seen, [...seen].sort().reverse());
    assert.ok(ids.every((id) => seen.includes(id)));
    const failed = (await gozo.executions({ status: 'runtime_error', limit: 100 })).executions;
    assert.ok(failed.length >= 2 && failed.every(({ status }) => status === 'runtime_error'));
    assert.deepEqual((await gozo.executions({ language: 'python' })).executions, []);
    assert.deepEqual((await gozo.executions({ state: 'queued' })).executions, []);
    for (const query of [
      'limit=0',
      'limit=101',
      'status=fine',
      'state=x',
      'cursor=x',
      'language=%01',
    ]) {
      assert.equal((await fetch(`${url}/executions?${query}`)).status, 422, query);
    }
    assert.equal((await fetch(`${url}/executions?lang=bash`)).status, 400);
  });
}

for (const store of STORES) {
  describe(store, () => {
    let keyed: Keyed | undefined;
    beforeAll(async () => {
      keyed = await startKeyed(store, { GOZO_CONCURRENCY: '1' });
    });
    afterAll(() => keyed?.[Symbol.asyncDispose]());
    const its = () => {
      assert.ok(keyed);
      return keyed;
    };

    test("another tenant's executions are not there, and keys do what they may", async () => {
      const { gozo } = await its().tenant('mine');
      const { gozo: other } = await its().tenant('other');
      const { id } = await gozo.submit(SLEEPING);
      assert.equal(await codeOf(other.execution(id)), '404 NOT_FOUND');
      assert.equal(await codeOf(other.cancel(id)), '404 NOT_FOUND');
      assert.equal(await codeOf(other.events(id).next()), '404 NOT_FOUND');
      assert.deepEqual((await other.executions()).executions, []);
      const scoped = async (scope: 'execute' | 'read') => {
        const wanted = { tenant: 'mine', scopes: [scope] };
        const { key } = await its().admin.admin.createKey(wanted);
        return new Gozo({ url: its().server.url, key });
      };
      const [doer, reader] = [await scoped('execute'), await scoped('read')];
      assert.equal(await codeOf(reader.submit(HELLO)), '403 FORBIDDEN');
      assert.equal(await codeOf(reader.submitBatch([HELLO])), '403 FORBIDDEN');
      assert.equal(await codeOf(reader.cancel(id)), '403 FORBIDDEN');
      assert.equal(await codeOf(doer.execution(id)), '403 FORBIDDEN');
      assert.equal(await codeOf(doer.executions()), '403 FORBIDDEN');
      assert.equal((await reader.execution(id)).id, id);
      const idempotencyKey = randomUUID();
      assert.equal((await doer.cancel(id)).status, 'cancelled');
      const [one, two] = [gozo, other].map((each) => each.submit(HELLO, { idempotencyKey }));
      assert.notEqual((await one)?.id, (await two)?.id, 'a key is of one tenant');
    });

    test('what is kept is counted as used, also what was cancelled as it waited', async () => {
      const { gozo } = await its().tenant('counted');
      const { id: running } = await gozo.submit(SLEEPING);
      const { id: waiting } = await gozo.submit(SLEEPING);
      assert.equal((await gozo.usage()).concurrency.used, 2);
      await gozo.cancel(waiting);
      await gozo.cancel(running);
      const { day, concurrency } = await gozo.usage();
      assert.equal(concurrency.used, 0);
      assert.equal(day.executions.used, 2);
    });

    test('sixty of one tenant put one before another’s that comes then, at most', async () => {
      const [{ gozo: flood }, { gozo: quiet }] = [
        await its().tenant('flood'),
        await its().tenant('quiet'),
      ];
      const first = await flood.submit(SLEEPING);
      const told = await flood.submitBatch(Array.from({ length: 60 }, () => HELLO));
      assert.ok(told.every(({ execution }) => execution !== undefined));
      const { id } = await quiet.submit(HELLO);
      assert.equal((await quiet.execution(id)).position, 1);
      await flood.cancel(first.id);
      await quiet.wait(id);
      const startedAt = (await quiet.execution(id)).started_at ?? '';
      for (const each of told) await flood.wait(each.execution?.id ?? '');
      const { executions } = await flood.executions({ limit: 100, status: 'ok' });
      assert.equal(executions.length, 60);
      assert.ok(executions.every((each) => (each.started_at ?? '') >= startedAt));
    });
  });
}
