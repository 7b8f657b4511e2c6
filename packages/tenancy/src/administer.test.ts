import assert from 'node:assert/strict';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import { test } from 'vitest';
import { tenancyForTests } from './tenancy-under-test.js';

function valueFrom<T>(result: Result<T, Refusal>): T {
  assert.ok(result.ok, result.ok ? '' : result.error.detail);
  return result.value;
}

function codeOf(result: Result<unknown, Refusal>): string {
  return result.ok ? 'ok' : result.error.code;
}

async function setting() {
  const all = await tenancyForTests();
  valueFrom(await all.administration.createTenant({ id: 'acme', name: 'Acme Ltd' }));
  const lets = async (key: string) => {
    const asked = { authorization: `Bearer ${key}`, address: '' };
    return (await all.authenticate(asked, 'execute')).ok;
  };
  return { ...all, lets };
}

for (const [id, code] of [
  ['a', 'ok'],
  ['a-1', 'ok'],
  ['a'.repeat(63), 'ok'],
  ['a'.repeat(64), 'INVALID_VALUE'],
  ['', 'INVALID_VALUE'],
  ['-a', 'INVALID_VALUE'],
  ['A', 'INVALID_VALUE'],
  ['../x', 'INVALID_VALUE'],
  ['local', 'INVALID_VALUE'],
  ['default', 'INVALID_VALUE'],
  ['acme', 'CONFLICT'],
] as const) {
  test(`a tenant "${id.slice(0, 8)}" of ${id.length} characters: ${code}`, async () => {
    await using own = await setting();
    assert.equal(codeOf(await own.administration.createTenant({ id })), code);
  });
}

test('a revoked tenant gets no keys, and no second life', async () => {
  await using own = await setting();
  const { createKey, createTenant, revokeTenant, listTenants } = own.administration;
  assert.notEqual(valueFrom(await revokeTenant('acme')).revoked_at, null);
  assert.equal(codeOf(await createKey({ tenant: 'acme' })), 'CONFLICT');
  assert.equal(codeOf(await createTenant({ id: 'acme' })), 'CONFLICT');
  assert.equal(codeOf(await createKey({ tenant: 'bob' })), 'NOT_FOUND');
  assert.deepEqual(
    (await listTenants()).map(({ id }) => id),
    ['acme'],
  );
});

test('a rotated key goes on for its grace, and the new one lives as long', async () => {
  await using own = await setting();
  const { createKey, rotateKey } = own.administration;
  const old = valueFrom(await createKey({ tenant: 'acme', expires_at: '2026-01-02T00:00:00Z' }));
  own.pass(3_600_000);
  const fresh = valueFrom(await rotateKey(old.info.id, 60));
  assert.equal(fresh.info.expires_at, '2026-01-02T01:00:00.000Z');
  assert.deepEqual([await own.lets(old.key), await own.lets(fresh.key)], [true, true]);
  own.pass(60_000);
  assert.deepEqual([await own.lets(old.key), await own.lets(fresh.key)], [false, true]);
  assert.equal(codeOf(await rotateKey(old.info.id, 0)), 'CONFLICT');
  assert.equal(codeOf(await rotateKey('key_x', 0)), 'NOT_FOUND');
});

test('of 20 rotations of one key at once, one makes a key', async () => {
  await using own = await setting();
  const { createKey, rotateKey, listKeys } = own.administration;
  const { info } = valueFrom(await createKey({ tenant: 'acme' }));
  const made = await Promise.all(Array.from({ length: 20 }, () => rotateKey(info.id, 0)));
  assert.equal(made.filter(({ ok }) => ok).length, 1);
  assert.equal((await listKeys('acme')).length, 2);
});

test('a tenant rotated has as many living keys as before, and all are new', async () => {
  await using own = await setting();
  const { createKey, revokeKey, rotateTenant } = own.administration;
  const keys = [];
  for (const name of ['a', 'b', 'c']) {
    keys.push(valueFrom(await createKey({ tenant: 'acme', name })));
  }
  await revokeKey(keys[0]?.info.id ?? '');
  const fresh = valueFrom(await rotateTenant('acme', 0));
  assert.deepEqual(fresh.map(({ info }) => info.name).sort(), ['b', 'c']);
  for (const { key } of keys) assert.equal(await own.lets(key), false);
  for (const { key } of fresh) assert.equal(await own.lets(key), true);
});

test('a tenant has 100 living keys at most, however many are asked for at once', async () => {
  await using own = await setting();
  const { createKey, listKeys } = own.administration;
  const asked = Array.from({ length: 120 }, () => createKey({ tenant: 'acme' }));
  const codes = (await Promise.all(asked)).map(codeOf);
  assert.equal(codes.filter((code) => code === 'ok').length, 100);
  assert.equal(codes.filter((code) => code === 'CONFLICT').length, 20);
  assert.equal((await listKeys('acme')).length, 100);
});

for (const at of ['2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', 'tomorrow', '']) {
  test(`a key that ends at "${at}" is refused`, async () => {
    await using own = await setting();
    const made = await own.administration.createKey({ tenant: 'acme', expires_at: at });
    assert.equal(codeOf(made), 'INVALID_VALUE');
  });
}
