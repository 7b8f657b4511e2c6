import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '@gozolite/contract/tenancy/scope';
import { exportSPKI } from 'jose';
import { afterAll, beforeAll, test } from 'vitest';
import { createAuthentication } from '../keys/authenticate.js';
import { tenancyForTests } from '../tenancy-under-test.js';
import { issuerForTests, makeIssuerKey } from './issuer-under-test.js';
import { OidcError } from './oidc-error.js';
import type { Issuer } from './schema.js';
import { openTokens } from './tokens.js';

const NOW_S = Date.parse('2026-01-01T00:00:00Z') / 1000;
const GOOD = { org: 'acme', exp: NOW_S + 600 };
const FORGED = 'No issuer that this server trusts has signed this token.';

let idp: Awaited<ReturnType<typeof issuerForTests>>;
beforeAll(async () => {
  idp = await issuerForTests();
});
afterAll(() => idp[Symbol.asyncDispose]());

/** Tenants `acme` and `gone`, and who trusts that issuer. */
async function setting(more: Partial<Issuer> = {}) {
  const all = await tenancyForTests();
  for (const id of ['acme', 'gone']) await all.administration.createTenant({ id });
  await all.administration.revokeTenant('gone');
  const issuer = { issuer: idp.issuer, audience: ['gozolite'], tenant: { claim: 'org' }, ...more };
  const made: string[] = [];
  const tokens = await openTokens({
    store: all.store,
    issuers: [issuer],
    nowMs: () => NOW_S * 1000,
    onIssuer: () => {},
    onTenant: (tenant) => made.push(tenant),
    times: { refreshMs: 600_000, retryMs: 600_000, cooldownMs: 0, staleMs: 600_000 },
  });
  const { keyHash, store } = all;
  const nowMs = () => NOW_S * 1000;
  const authenticate = createAuthentication({ store, keyHash, nowMs, tokens, onLost: () => {} });
  const ask = async (token: string, scope: Scope = 'execute', address = '1.2.3.4') => {
    const known = await authenticate({ authorization: `Bearer ${token}`, address }, scope);
    if (known.ok) return `${known.value.tenant}:${known.value.scopes.join()}`;
    const { code, detail } = known.error;
    return code === 'UNAUTHENTICATED' ? detail : code;
  };
  return {
    ...{ ask, authenticate, made },
    [Symbol.asyncDispose]: async () => {
      tokens[Symbol.dispose]();
      await all[Symbol.asyncDispose]();
    },
  };
}

test('a good token lets its tenant in', async () => {
  await using own = await setting();
  assert.equal(await own.ask(await idp.token(GOOD)), 'acme:execute,read');
  assert.equal(await own.ask(await idp.token(GOOD), 'admin'), 'FORBIDDEN');
  assert.equal(
    await own.ask(await idp.token({ ...GOOD, aud: ['x', 'gozolite'] })),
    'acme:execute,read',
  );
  const known = await own.authenticate(
    { authorization: `Bearer ${await idp.token(GOOD)}`, address: '' },
    'execute',
  );
  assert.match(known.ok ? known.value.keyId : '', /^oidc:[0-9a-f]{32}$/);
});

const honest = [
  { name: 'expired', claims: { exp: NOW_S - 31 }, detail: 'The token has expired.' },
  { name: 'without an end', claims: { exp: undefined }, detail: 'The token has no "exp".' },
  { name: 'not yet', claims: { nbf: NOW_S + 31 }, detail: 'The token is not valid yet.' },
  { name: 'for others', claims: { aud: 'x' }, detail: 'The token is for another audience.' },
  { name: 'for nobody', claims: { aud: undefined }, detail: 'The token has no "aud".' },
  {
    name: 'of nobody',
    claims: { org: 'none' },
    detail: 'The token names no tenant of this server.',
  },
  {
    name: 'of a list',
    claims: { org: ['acme'] },
    detail: 'The token names no tenant of this server.',
  },
  {
    name: 'of what all have',
    claims: { org: '__proto__' },
    detail: 'The token names no tenant of this server.',
  },
  {
    name: 'of a revoked one',
    claims: { org: 'gone' },
    detail: 'The tenant of this token was revoked.',
  },
] as const;
for (const { name, claims, detail } of honest) {
  test(`a token that is signed is told what is wrong with it: ${name}`, async () => {
    await using own = await setting();
    for (let times = 0; times < 30; times += 1) {
      // Nobody guesses a signature: it is not held against its address.
      assert.equal(await own.ask(await idp.token({ ...GOOD, ...claims })), detail);
    }
  });
}

test('clocks may differ by half a minute, and not by more', async () => {
  await using own = await setting();
  assert.equal(await own.ask(await idp.token({ ...GOOD, exp: NOW_S - 29 })), 'acme:execute,read');
  assert.equal(await own.ask(await idp.token({ ...GOOD, nbf: NOW_S + 30 })), 'acme:execute,read');
  await using strict = await setting({ clock_skew_s: 0 });
  assert.equal(
    await strict.ask(await idp.token({ ...GOOD, exp: NOW_S })),
    'The token has expired.',
  );
});

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

test('what nobody signed who is trusted is nothing, and says nothing', async () => {
  const claims = { iss: idp.issuer, aud: 'gozolite', ...GOOD };
  const other = await makeIssuerKey('RS256', 'first');
  const unknown = await makeIssuerKey('RS256', 'unknown');
  const spki = await exportSPKI(idp.first.pair.publicKey);
  const hs = `${part({ alg: 'HS256', kid: 'first' })}.${part(claims)}`;
  const signature = createHmac('sha256', spki).update(hs).digest('base64url');
  const good = await idp.token(GOOD);
  const critical = part({ alg: 'RS256', kid: 'first', crit: ['x'], x: 1 });
  const [head = '', body = '', sign = ''] = good.split('.');
  const tokens: Readonly<Record<string, string>> = {
    'alg none': `${part({ alg: 'none' })}.${part(claims)}.`,
    'alg nOnE': `${part({ alg: 'nOnE' })}.${part(claims)}.${sign}`,
    'HS256 with the public key': `${hs}.${signature}`,
    'another key of that name': await idp.token(GOOD, { key: other }),
    'a key in its header': await idp.token(GOOD, { key: other, header: { jwk: other.jwk } }),
    'where its key is': await idp.token(GOOD, {
      key: unknown,
      header: { jku: `${idp.issuer}/jku` },
    }),
    'where its certificate is': await idp.token(GOOD, {
      ...{ key: unknown, header: { x5u: `${idp.issuer}/x5u` } },
    }),
    'what has to be understood': `${critical}.${body}.${sign}`,
    'no key of that name': await idp.token(GOOD, { header: { kid: 'nobody' } }),
    'another issuer': await idp.token({ ...GOOD, iss: 'https://elsewhere.example' }),
    'an issuer that all objects have': await idp.token({ ...GOOD, iss: '__proto__' }),
    'no issuer': await idp.token({ ...GOOD, iss: undefined }),
    'other claims': `${head}.${part({ ...claims, org: 'gone' })}.${sign}`,
    'no signature': `${head}.${body}.`,
    'no JSON': `${head}.${Buffer.from('x').toString('base64url')}.${sign}`,
    'a token in a token': `${head}.${Buffer.from(good).toString('base64url')}.${sign}`,
    'a huge one': `${head}.${part({ ...claims, more: 'x'.repeat(7000) })}.${sign}`,
    'one beyond all bounds': `${head}.${part({ ...claims, more: 'x'.repeat(70_000) })}.${sign}`,
  };
  for (const [name, token] of Object.entries(tokens)) {
    await using own = await setting();
    assert.equal(await own.ask(token), FORGED, name);
    for (let times = 0; times < 9; times += 1) await own.ask(token);
    assert.equal(await own.ask(token), 'RATE_LIMITED', name);
    assert.equal(await own.ask(await idp.token(GOOD), 'execute', '5.6.7.8'), 'acme:execute,read');
  }
  for (const path of idp.asked) assert.doesNotMatch(path, /jku|x5u/);
});

test('encrypted tokens and other texts are none', async () => {
  await using own = await setting();
  for (const text of ['a.b.c.d.e', 'x', '']) assert.match(await own.ask(text), /no API key/);
});

test('only the algorithms that are set are taken', async () => {
  const key = await makeIssuerKey('PS256', 'ps');
  idp.publish(idp.first, key);
  await using own = await setting();
  assert.equal(await own.ask(await idp.token(GOOD, { key })), FORGED);
  await using other = await setting({ algorithms: ['PS256'] });
  assert.equal(await other.ask(await idp.token(GOOD, { key })), 'acme:execute,read');
  assert.equal(await other.ask(await idp.token(GOOD)), FORGED);
  idp.publish(idp.first);
});

test('a claim decides on the scopes, and words that are not mapped mean nothing', async () => {
  const map = { 'gozo.run': ['execute' as const], 'gozo.ops': ['admin' as const, 'read' as const] };
  await using own = await setting({ scopes: { claim: '/realm/roles', map } });
  const roles = (...all: readonly unknown[]) => idp.token({ ...GOOD, realm: { roles: all } });
  assert.equal(await own.ask(await roles('gozo.run', 'admin', 7)), 'acme:execute');
  assert.equal(await own.ask(await roles('gozo.ops'), 'admin'), 'acme:admin,read');
  assert.equal(await own.ask(await roles('toString')), 'FORBIDDEN');
  assert.equal(await own.ask(await idp.token(GOOD)), 'FORBIDDEN');
  await using words = await setting({ scopes: { claim: 'scope', map } });
  const token = await idp.token({ ...GOOD, scope: 'openid gozo.run' });
  assert.equal(await words.ask(token), 'acme:execute');
});

test('required claims, a type and an age', async () => {
  await using own = await setting({ required: { verified: true }, type: 'at+jwt', age_max_s: 60 });
  const header = { typ: 'at+jwt' };
  const good = { ...GOOD, verified: true, iat: NOW_S };
  assert.equal(await own.ask(await idp.token(good, { header })), 'acme:execute,read');
  assert.match(await own.ask(await idp.token(good)), /type/);
  const unverified = await idp.token({ ...good, verified: 'true' }, { header });
  assert.match(await own.ask(unverified), /"verified"/);
  const old = await idp.token({ ...good, iat: NOW_S - 91 }, { header });
  assert.match(await own.ask(old), /too long ago/);
});

test('a tenant is by a map, fixed, or made, as it is set', async () => {
  await using mapped = await setting({ tenant: { claim: 'org', map: { 'Acme Inc.': 'acme' } } });
  assert.equal(
    await mapped.ask(await idp.token({ ...GOOD, org: 'Acme Inc.' })),
    'acme:execute,read',
  );
  assert.match(await mapped.ask(await idp.token(GOOD)), /no tenant/);
  await using fixed = await setting({ tenant: { is: 'acme' } });
  assert.equal(await fixed.ask(await idp.token({ exp: GOOD.exp })), 'acme:execute,read');
  await using making = await setting({ tenant: { claim: 'org', create: true } });
  for (let times = 0; times < 2; times += 1) {
    assert.equal(
      await making.ask(await idp.token({ ...GOOD, org: 'fresh' })),
      'fresh:execute,read',
    );
  }
  assert.deepEqual(making.made, ['fresh']);
  assert.match(await making.ask(await idp.token({ ...GOOD, org: 'No Name!' })), /no tenant/);
  assert.match(await making.ask(await idp.token({ ...GOOD, org: 'local' })), /no tenant/);
  assert.match(await making.ask(await idp.token({ ...GOOD, org: 'gone' })), /revoked/);
});

test('an issuer that is away is not the fault of the token', async () => {
  idp.goAway(true);
  await using own = await setting();
  for (let times = 0; times < 30; times += 1) {
    assert.equal(await own.ask(await idp.token(GOOD)), 'ISSUER_UNAVAILABLE');
  }
  idp.goAway(false);
});

test('an issuer that goes away later is not asked for what is known', async () => {
  await using own = await setting();
  assert.equal(await own.ask(await idp.token(GOOD)), 'acme:execute,read');
  idp.goAway(true);
  assert.equal(await own.ask(await idp.token(GOOD)), 'acme:execute,read');
  idp.goAway(false);
});

test('a new key is known as soon as a token names it', async () => {
  const second = await makeIssuerKey('ES256', 'second');
  await using own = await setting();
  assert.equal(await own.ask(await idp.token(GOOD)), 'acme:execute,read');
  idp.publish(second);
  assert.equal(await own.ask(await idp.token(GOOD, { key: second })), 'acme:execute,read');
  assert.equal(await own.ask(await idp.token(GOOD)), FORGED, 'the old one is taken back');
  idp.publish(idp.first);
});

test('keys may be in a file, and one that can not be read stops the start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-jwks-'));
  const file = join(folder, 'keys.json');
  await assert.rejects(setting({ jwks_file: file }), OidcError);
  for (const wrong of ['{', '[]', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"eA"}]}']) {
    writeFileSync(file, wrong);
    await assert.rejects(setting({ jwks_file: file }), OidcError, wrong);
  }
  writeFileSync(file, JSON.stringify({ keys: [idp.first.jwk] }));
  const before = idp.asked.length;
  await using own = await setting({ jwks_file: file });
  assert.equal(await own.ask(await idp.token(GOOD)), 'acme:execute,read');
  assert.equal(idp.asked.length, before);
  rmSync(folder, { recursive: true });
});
