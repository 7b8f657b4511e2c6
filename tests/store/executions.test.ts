import assert from 'node:assert/strict';
import {
  type ExecutionRow,
  endExecution,
  findExecution,
  forgetExecutions,
  insertExecutions,
  interruptExecutions,
  listExecutions,
  startExecution,
} from '@gozolite/store/executions';
import { findClaim, forgetClaims } from '@gozolite/store/idempotency';
import type { Database } from '@gozolite/store/sql';
import { describe } from 'vitest';
import { KINDS, type WithStore, withStoreAt } from './databases.js';

type Row = ExecutionRow & { readonly record: string };

function rowOf(id: string, change: Partial<Row> = {}): Row {
  return {
    ...{ id, tenant: 'alice', server: 'srv_1', language: 'bash', labels: null },
    ...{ createdAt: 100, dueAt: 1000, startedAt: null, endedAt: null },
    ...{ status: 'failed', bytes: 2, record: '{}' },
    ...change,
  };
}

const ALL = { state: '', status: '', language: '', before: '', limit: 100 } as const;

async function idsOf(store: Database, change: object = {}): Promise<string> {
  const rows = await listExecutions(store, 'alice', { ...ALL, ...change });
  return rows.map(({ id }) => id).join(' ');
}

for (const { kind, place } of KINDS) {
  const withStore = withStoreAt(place);
  describe(kind, () => {
    lives(withStore);
    retention(withStore);
    keys(withStore);
  });
}

function lives(withStore: WithStore): void {
  withStore('an execution has one end: the second says nothing', async (store) => {
    await insertExecutions(store, [rowOf('exe_1')]);
    await startExecution(store, 'exe_1', 150);
    assert.equal((await findExecution(store, 'alice', 'exe_1'))?.startedAt, 150);
    const end = { startedAt: 150, at: 200, status: 'ok', record: '{"stdout":"é"}' };
    assert.equal(await endExecution(store, 'exe_1', end), true);
    assert.equal(await endExecution(store, 'exe_1', { ...end, status: 'cancelled' }), false);
    assert.equal(await interruptExecutions(store, 'srv_1', 300), 0);
    await startExecution(store, 'exe_1', 400);
    const row = await findExecution(store, 'alice', 'exe_1');
    assert.deepEqual([row?.startedAt, row?.endedAt, row?.status], [150, 200, 'ok']);
    assert.deepEqual([row?.record, row?.bytes], ['{"stdout":"é"}', 15]);
  });

  withStore('the dead server’s are ended, and what is past its time; no others', async (store) => {
    await insertExecutions(store, [rowOf('exe_1'), rowOf('exe_2', { server: 'srv_2' })]);
    await insertExecutions(store, [rowOf('exe_3', { server: 'srv_3', dueAt: 499 })]);
    assert.equal(await interruptExecutions(store, 'srv_1', 500), 2);
    assert.equal(await idsOf(store, { status: 'failed' }), 'exe_3 exe_1');
    assert.equal(await idsOf(store, { state: 'queued' }), 'exe_2');
  });

  withStore("another tenant's is not there", async (store) => {
    await insertExecutions(store, [rowOf('exe_1')]);
    assert.equal(await findExecution(store, 'bob', 'exe_1'), undefined);
    assert.deepEqual(await listExecutions(store, 'bob', ALL), []);
  });

  withStore('the list is newest first, in pages, by state, status and language', async (store) => {
    const ids = ['exe_1', 'exe_2', 'exe_3', 'exe_4'];
    await insertExecutions(
      store,
      ids.map((id, at) => rowOf(id, { language: at % 2 === 0 ? 'bash' : 'python' })),
    );
    await startExecution(store, 'exe_2', 1);
    await endExecution(store, 'exe_3', { startedAt: 1, at: 2, status: 'ok', record: '{}' });
    assert.equal(await idsOf(store), 'exe_4 exe_3 exe_2 exe_1');
    assert.equal(await idsOf(store, { limit: 2, before: 'exe_3' }), 'exe_2 exe_1');
    assert.equal(await idsOf(store, { language: 'python' }), 'exe_4 exe_2');
    assert.equal(await idsOf(store, { status: 'ok' }), 'exe_3');
    assert.equal(await idsOf(store, { status: 'failed' }), '', 'they have not ended');
    assert.equal(await idsOf(store, { state: 'running' }), 'exe_2');
    assert.equal(await idsOf(store, { state: 'ended' }), 'exe_3');
  });
}

function retention(withStore: WithStore): void {
  const ended = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      return rowOf(`exe_${1000 + at}`, { endedAt: 10 * at, bytes: 100, status: 'ok' });
    });
  const most = { before: 0, count: 5000, bytes: 1e9 };

  withStore('the oldest are forgotten: by age, by number and by bytes', async (store) => {
    await insertExecutions(store, [...ended(1200), rowOf('exe_living')]);
    assert.equal(await forgetExecutions(store, most), 0);
    assert.equal(await forgetExecutions(store, { ...most, before: 2000 }), 200);
    assert.equal(await forgetExecutions(store, { ...most, count: 900 }), 100);
    assert.equal(await forgetExecutions(store, { ...most, bytes: 1000 }), 890);
    assert.equal((await idsOf(store)).split(' ').length, 11);
    assert.equal(await forgetExecutions(store, { before: 1e9, count: 0, bytes: 0 }), 10);
    assert.equal(await idsOf(store), 'exe_living', 'what has not ended is never forgotten');
  });
}

function keys(withStore: WithStore): void {
  const key = { tenant: 'alice', name: 'once', digest: 'd1', answer: 'a1', at: 100, since: 50 };

  withStore('a key stands for its first answer, and then nothing is written', async (store) => {
    assert.equal(await insertExecutions(store, [rowOf('exe_1')], key), undefined);
    const again = { ...key, digest: 'd2', answer: 'a2' };
    const known = await insertExecutions(store, [rowOf('exe_2')], again);
    assert.deepEqual(known, { digest: 'd1', answer: 'a1' });
    assert.equal(await findExecution(store, 'alice', 'exe_2'), undefined);
    assert.equal(await insertExecutions(store, [], { ...again, tenant: 'bob' }), undefined);
  });

  withStore('of ten at once with one key, one is written', async (store) => {
    const all = Array.from({ length: 10 }, (_, at) =>
      insertExecutions(store, [rowOf(`exe_${at}`)], { ...key, answer: `exe_${at}` }),
    );
    const told = await Promise.all(all);
    assert.equal(told.filter((each) => each === undefined).length, 1);
    const ids = await idsOf(store);
    for (const known of told) if (known !== undefined) assert.equal(known.answer, ids);
  });

  withStore('after its time it is free again', async (store) => {
    await insertExecutions(store, [], key);
    assert.equal((await findClaim(store, key))?.answer, 'a1');
    assert.equal(await findClaim(store, { ...key, since: 101 }), undefined);
    assert.equal(
      await insertExecutions(store, [], { ...key, answer: 'a2', since: 101 }),
      undefined,
    );
    assert.equal((await findClaim(store, key))?.answer, 'a2');
    await forgetClaims(store, 101);
    assert.equal(await findClaim(store, key), undefined);
  });
}
