import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scope } from '@gozolite/contract/tenancy/scope';
import { findKey } from '@gozolite/store/keys';
import { test } from 'vitest';
import { tenancyForTests } from '../tenancy-under-test.js';
import { makeKey } from './format.js';

const HOUR_MS = 3_600_000;

async function setting(scopes: Scope[] = ['execute', 'read']) {
  const all = await tenancyForTests();
  await all.administration.createTenant({ id: 'acme' });
  const expiresAt = '2026-01-01T02:00:00Z';
  const made = await all.administration.createKey({
    tenant: 'acme',
    scopes,
    expires_at: expiresAt,
  });
  assert.ok(made.ok);
  const { key, info } = made.value;
  const ask = async (text: string | undefined, scope: Scope = 'execute', address = '1.2.3.4') => {
    const authorization = text === undefined ? undefined : `Bearer ${text}`;
    const known = await all.authenticate({ authorization, address }, scope);
    return known.ok ? `${known.value.tenant}:${known.value.scopes.join()}` : known.error.code;
  };
  return { ...all, key, info, ask };
}

test('a key lets its tenant in, for what its scopes say', async () => {
  await using own = await setting();
  assert.equal(await own.ask(own.key), 'acme:execute,read');
  assert.equal(await own.ask(own.key, 'read'), 'acme:execute,read');
  assert.equal(await own.ask(own.key, 'admin'), 'FORBIDDEN');
});

test('without a key, or with what is none, nobody is let in', async () => {
  await using own = await setting();
  assert.equal(await own.ask(undefined), 'UNAUTHENTICATED');
  for (const text of ['', 'x', `${own.key}0`, own.key.slice(0, -1), makeKey()]) {
    assert.equal(await own.ask(text), 'UNAUTHENTICATED', text.slice(0, 8));
  }
  const basic = { authorization: `Basic ${own.key}`, address: '' };
  const known = await own.authenticate(basic, 'execute');
  assert.equal(!known.ok && known.error.code, 'UNAUTHENTICATED');
});

test('a key ends with its time, not before', async () => {
  await using own = await setting();
  own.pass(2 * HOUR_MS - 1);
  assert.equal(await own.ask(own.key), 'acme:execute,read');
  own.pass(1);
  assert.equal(await own.ask(own.key), 'UNAUTHENTICATED');
});

test('a revoked key and the keys of a revoked tenant end at once', async () => {
  await using own = await setting();
  const other = await own.administration.createKey({ tenant: 'acme' });
  assert.ok(other.ok);
  await own.administration.revokeKey(own.info.id);
  assert.equal(await own.ask(own.key), 'UNAUTHENTICATED');
  assert.equal(await own.ask(other.value.key), 'acme:execute,read');
  await own.administration.revokeTenant('acme');
  assert.equal(await own.ask(other.value.key), 'UNAUTHENTICATED');
});

test('after ten wrong keys an address waits, but not for a key that was right there', async () => {
  await using own = await setting();
  const other = await own.administration.createKey({ tenant: 'acme' });
  assert.ok(other.ok);
  assert.equal(await own.ask(own.key), 'acme:execute,read');
  const answers: string[] = [];
  for (let count = 0; count < 1000; count += 1) answers.push(await own.ask(makeKey()));
  assert.equal(answers.filter((code) => code === 'UNAUTHENTICATED').length, 10);
  assert.equal(answers.filter((code) => code === 'RATE_LIMITED').length, 990);
  assert.equal(await own.ask(own.key), 'acme:execute,read');
  assert.equal(await own.ask(other.value.key), 'RATE_LIMITED', 'a key is not looked at either');
  assert.equal(await own.ask(other.value.key, 'execute', '5.6.7.8'), 'acme:execute,read');
  own.pass(6000);
  assert.equal(await own.ask(other.value.key), 'acme:execute,read');
  await own.administration.revokeKey(own.info.id);
  assert.equal(await own.ask(own.key), 'UNAUTHENTICATED', 'trust is no right');
});

/** Asks for all at once. */
async function answersAtOnce(own: Awaited<ReturnType<typeof setting>>, keys: readonly string[]) {
  const answers = await Promise.all(keys.map((key) => own.ask(key)));
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return Object.fromEntries(counts);
}

test('of 1,000 wrong keys that come at once no more than ten are looked at', async () => {
  await using own = await setting();
  const wrong = Array.from({ length: 1000 }, makeKey);
  const answers = await answersAtOnce(own, wrong);
  assert.deepEqual(answers, { UNAUTHENTICATED: 10, RATE_LIMITED: 990 });
});

test('right keys that come at once all get in, of one tenant or of many', async () => {
  await using own = await setting();
  const same = await answersAtOnce(own, Array<string>(200).fill(own.key));
  assert.deepEqual(same, { 'acme:execute,read': 200 });
  const others = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const made = await own.administration.createKey({ tenant: 'acme' });
      return made.ok ? made.value.key : '';
    }),
  );
  assert.deepEqual(await answersAtOnce(own, others), { 'acme:execute,read': 50 });
});

test('a right key beside nine wrong ones at once is let in, and is none of the ten', async () => {
  await using own = await setting();
  const wrong = Array.from({ length: 9 }, makeKey);
  const answers = await answersAtOnce(own, [...wrong, own.key]);
  assert.deepEqual(answers, { UNAUTHENTICATED: 9, 'acme:execute,read': 1 });
  assert.equal(await own.ask(makeKey()), 'UNAUTHENTICATED', 'the tenth wrong one');
  assert.equal(await own.ask(makeKey()), 'RATE_LIMITED');
});

test('its last use is noted once a minute', async () => {
  await using own = await setting();
  const lastUse = async () => (await findKey(own.store, own.info.id))?.lastUsedAt;
  const first = Date.parse('2026-01-01T00:00:00Z');
  await own.ask(own.key);
  assert.equal(await lastUse(), first);
  own.pass(59_999);
  await own.ask(own.key);
  assert.equal(await lastUse(), first);
  own.pass(1);
  await own.ask(own.key);
  assert.equal(await lastUse(), first + 60_000);
  assert.deepEqual(own.lost, []);
});

test('neither a key nor a hash without the secret stands in the store', async () => {
  await using own = await setting();
  await own.store.query('PRAGMA wal_checkpoint(TRUNCATE)');
  const bytes = readFileSync(join(own.folder, 'store.db')).toString('latin1');
  assert.ok(bytes.includes(own.keyHash(own.key)));
  assert.ok(bytes.includes(own.key.slice(0, 8)));
  // Not its ninth letter alone: one column lies behind the other, and may begin with that.
  assert.ok(!bytes.includes(own.key.slice(0, 12)));
  const plain = await crypto.subtle.digest('SHA-256', Buffer.from(own.key));
  assert.ok(!bytes.includes(Buffer.from(plain).toString('hex')));
});
