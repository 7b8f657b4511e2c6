import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createListeners, type ListenersDeps } from './listeners.js';
import { readListeners } from './settings.js';

function setting(change: Partial<ListenersDeps> = {}, connections?: number) {
  const pace = { concurrency: undefined, requests: undefined, cpuMs: undefined, connections };
  const bounds = { max: 3, perTenantMax: 2, connectionsMax: 4096 };
  return createListeners({ ...bounds, policyOf: () => ({ pace }), ...change });
}

function codeOf(begun: ReturnType<ReturnType<typeof setting>['begin']>): string {
  if (begun.ok) return 'ok';
  return [begun.error.code, begun.error.limit?.name].filter(Boolean).join(' ');
}

test('one tenant has its share and no more; another still has a place, until all are taken', () => {
  const listeners = setting();
  const codes = ['a', 'a', 'a', 'b', 'b'].map((tenant) => codeOf(listeners.begin(tenant)));
  assert.deepEqual(codes, ['ok', 'ok', 'RATE_LIMITED connections', 'ok', 'OVERLOADED']);
  assert.equal(listeners.count(), 3);
  assert.deepEqual(listeners.of('a'), { used: 2, limit: 2 });
  assert.deepEqual(setting({}, 9).of('a'), { used: 0, limit: 3 });
});

test('what is given back is there again', () => {
  const listeners = setting();
  const first = listeners.begin('a');
  listeners.begin('a');
  assert.ok(first.ok);
  first.value();
  assert.equal(codeOf(listeners.begin('a')), 'ok');
  assert.equal(listeners.count(), 2);
});

test("a tenant's policy says another bound", () => {
  assert.equal(codeOf(setting({}, 0).begin('a')), 'RATE_LIMITED connections');
  const wider = setting({}, 3);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => codeOf(wider.begin('a'))),
    ['ok', 'ok', 'ok', 'RATE_LIMITED connections'],
  );
});

test('a server with few descriptors keeps half of its connections for the rest', () => {
  assert.equal(setting({ max: 1024, connectionsMax: 100 }).max, 50);
});

test('with tenants one has a quarter, without it has all', () => {
  const read = { integer: (_: string, { fallback }: { fallback: number }) => fallback };
  assert.deepEqual(readListeners(read, true), { max: 1024, perTenantMax: 256 });
  assert.deepEqual(readListeners(read, false), { max: 1024, perTenantMax: 1024 });
});
