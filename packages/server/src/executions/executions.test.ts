import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { ok, refuse } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import { createEngine } from '@gozolite/engine/engine';
import { admitted } from '@gozolite/engine/testing/admitted';
import { fakeClock } from '@gozolite/engine/testing/fake-clock';
import { memoryBackend } from '@gozolite/engine/testing/memory-backend';
import { findExecution, interruptExecutions } from '@gozolite/store/executions';
import { openStore } from '@gozolite/store/open';
import { loggerOver } from '@gozolite/telemetry/logger';
import { type BasePolicy, resolvePolicy } from '@gozolite/tenancy/policy/policy';
import { createMeter } from '@gozolite/tenancy/usage/meter';
import { test } from 'vitest';
import { type ExecutionWatch, watched } from '../observing/watched.js';
import { createExecutions, type Submission } from './executions.js';

const limits = limitPolicyFor(2, 8 << 20);
const base: BasePolicy = {
  limits,
  network: { allow: [], bytesMax: 1, connectionsMax: 1, timeMsMax: 1 },
  ...{ dataAllow: [], isolationFloor: 'full', counts: true },
};
const policy = resolvePolicy(base, {});
async function setting() {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-executions-'));
  const store = await openStore({ kind: 'sqlite', file: join(folder, 'store.db') });
  const log = loggerOver('silent', { write: () => {} });
  const backend = memoryBackend();
  const kept = { waitersMax: 9, waitersPerTenantMax: 9, waitMsMax: 1000 };
  const bounds = { kept, concurrency: 1, queueMax: 0, queuePerTenantMax: 0, queueWaitMsMax: 1 };
  const told: string[] = [];
  const watch: ExecutionWatch = {
    admitted: ({ id }) => void told.push(`admitted ${id}`),
    refused: (_, { code }) => told.push(code),
    ended: ({ id, status, error = '' }) => told.push(`${id} ${status} ${error}`.trim()),
  };
  const engine = watched(createEngine({ backend, log, clock: fakeClock(), ...bounds }), [watch]);
  const meter = createMeter({
    store,
    server: 's',
    isAlone: true,
    nowMs: Date.now,
    onLost: (error) => assert.fail(String(error)),
  });
  const house = { store, server: 's', settings: { waiting: kept }, engine, meter, log };
  const executions = createExecutions({ ...house, onTold: () => {} });
  const key = { tenant: 'acme', name: 'k', digest: 'd', answer: 'a', at: 1, since: 0 };
  return {
    ...{ store, backend, executions, key, told },
    underWay: async () => (await meter.usage('acme', policy)).concurrency.used,
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await meter.settled();
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

const submission = (one: Admitted): Submission => ok({ kind: 'admitted', admitted: one, policy });

test('what could not be written down is not accepted, and nothing of it runs', async () => {
  await using own = await setting();
  await own.store.query('ALTER TABLE executions RENAME TO away');
  const batch = [submission(admitted()), submission(admitted())];
  await assert.rejects(
    own.executions.accept(batch, 'kept', () => undefined),
    /no such table/,
  );
  assert.deepEqual(own.backend.commands.length, 0);
  assert.equal(await own.underWay(), 0);
});

test('what was accepted under a key before is not run again', async () => {
  await using own = await setting();
  const first = admitted();
  const accepted = await own.executions.accept([submission(first)], 'kept', () => own.key);
  assert.equal(accepted.kind, 'taken');
  await own.executions.living('acme', first.id)?.over;
  const again = await own.executions.accept([submission(admitted())], 'kept', () => own.key);
  assert.deepEqual(again, { kind: 'known', known: { digest: 'd', answer: 'a' } });
  assert.deepEqual(own.backend.calls, [`${first.id}/run`]);
  assert.equal(await own.underWay(), 0);
});

test('of several the refused ones are told, and the others end and are written down', async () => {
  await using own = await setting();
  const both = [admitted(), admitted()];
  const no = refuse({ code: 'INVALID_VALUE', detail: 'no' } as const);
  const [one, two] = both.map(submission);
  assert.ok(one && two);
  const accepted = await own.executions.accept([one, no, two], 'kept', () => undefined);
  assert.ok(accepted.kind === 'taken');
  assert.deepEqual(
    accepted.taken.map(({ ok: isTaken }) => isTaken),
    [true, false, true],
  );
  await own.executions.settled();
  for (const { id } of both) {
    const row = await findExecution(own.store, 'acme', id);
    assert.deepEqual([row?.status, row?.endedAt !== null], ['ok', true]);
    assert.equal(own.executions.living('acme', id), undefined);
  }
  assert.equal(await own.underWay(), 0);
});

test('an end is told of as it is written down: the log has what the store has', async () => {
  await using own = await setting();
  const [late, plain] = [admitted(), admitted()];
  for (const one of [late, plain]) {
    const taken = await own.executions.accept([submission(one)], 'kept', () => undefined);
    assert.equal(taken.kind, 'taken');
    const living = own.executions.living('acme', one.id);
    // Another server took this one for dead.
    if (one === late) await interruptExecutions(own.store, 's', 1);
    await living?.over;
    const row = await findExecution(own.store, 'acme', one.id);
    const expected = one === late ? 'failed INTERRUPTED' : 'ok';
    assert.equal(`${row?.status} ${living?.record()?.error ?? ''}`.trim(), expected);
    assert.deepEqual(own.told.splice(0), [`admitted ${one.id}`, `${one.id} ${expected}`]);
  }
});

test('one that is refused for want of a place was never admitted', async () => {
  await using own = await setting();
  const waiting = Array.from({ length: 12 }, () => submission(admitted()));
  const accepted = await own.executions.accept(waiting, 'kept', () => undefined);
  assert.ok(accepted.kind === 'taken');
  const taken = accepted.taken.filter(({ ok: isTaken }) => isTaken).length;
  const count = (word: string) => own.told.filter((each) => each.startsWith(word)).length;
  assert.deepEqual([taken, count('admitted'), count('OVERLOADED')], [10, 10, 2]);
  await own.executions.settled();
});
