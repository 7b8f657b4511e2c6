import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ok, refuse } from '@gozolite/contract/result';
import type { Authenticate } from '@gozolite/tenancy/keys/authenticate';
import { afterAll, beforeAll, test } from 'vitest';
import { head, MIB, post, serveForTests, UNDESCRIBED } from '../app-under-test.js';
import { json, type Route } from '../route.js';

/** Lets `Bearer <scope>` do what it says, as the tenant of that name. */
const authenticate: Authenticate = async ({ authorization }, scope) => {
  if (authorization === undefined) return refuse({ code: 'UNAUTHENTICATED', detail: 'No key.' });
  if (authorization === 'Bearer slow') {
    return refuse({ code: 'RATE_LIMITED', detail: 'Slow.', retryAfterMs: 5001 });
  }
  return authorization === `Bearer ${scope}`
    ? ok({ tenant: scope, keyId: 'key_1', scopes: [scope] })
    : refuse({ code: 'FORBIDDEN', detail: 'No.' });
};

const said: Route['handle'] = ({ caller, params, query }) =>
  ok(json(200, { tenant: caller.tenant, ...params, ...query }));

const open: Route = {
  method: 'GET',
  path: '/open',
  document: { ...UNDESCRIBED, access: 'open' },
  handle: said,
};
const routes: readonly Route[] = [
  open,
  { ...open, path: '/run', method: 'POST', document: { ...UNDESCRIBED, access: 'execute' } },
  { ...open, path: '/look', document: { ...UNDESCRIBED, access: 'read' } },
  { ...open, path: '/keys/{id}/revoke', document: { ...UNDESCRIBED, access: 'admin' } },
];
const { call, open: connect, start, stop } = serveForTests(routes, authenticate);
beforeAll(start);
afterAll(stop);

const as = (scope: string) => ({ headers: { authorization: `Bearer ${scope}` } });

test('an open route asks nobody, and has no tenant but the one without keys', async () => {
  assert.deepEqual((await call('/open')).body, { tenant: 'local' });
  assert.equal((await call('/open', as('nonsense'))).status, 200);
});

for (const [path, method, scope] of [
  ['/run', 'POST', 'execute'],
  ['/look', 'GET', 'read'],
  ['/look', 'HEAD', 'read'],
  ['/keys/key_1/revoke', 'GET', 'admin'],
] as const) {
  test(`${method} ${path} needs ${scope}, and nothing else will do`, async () => {
    const statuses = await Promise.all(
      ['execute', 'read', 'admin'].map(async (each) => {
        return (await call(path, { method, ...as(each) })).status === 200 ? each : '';
      }),
    );
    assert.deepEqual(statuses.filter(Boolean), [scope]);
    const without = await call(path, { method });
    assert.equal(without.status, 401);
    assert.equal(without.headers.get('www-authenticate'), 'Bearer realm="gozolite"');
  });
}

test('what stands in the path and behind it reaches the route', async () => {
  const answer = await call('/keys/key_1/revoke?tenant=a%2Fb', as('admin'));
  assert.deepEqual(answer.body, { tenant: 'a/b', id: 'key_1' });
});

test('a path without its part, or with one more, is not found', async () => {
  for (const path of ['/keys//revoke', '/keys/a/b/revoke', '/keys/a/revoke/']) {
    assert.equal((await call(path, as('admin'))).status, 404, path);
  }
  const answer = await call('/keys/a/revoke', { method: 'DELETE', ...as('admin') });
  assert.equal(answer.headers.get('allow'), 'GET, HEAD');
});

test('who waits is told how long', async () => {
  const answer = await call('/look', as('slow'));
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('retry-after'), '6');
});

test('100 strangers with large bodies take nothing of the room for bodies', async () => {
  const sockets = Array.from({ length: 100 }, connect);
  for (const socket of sockets) socket.write(head('/run', `Content-Length: ${32 * MIB}`));
  for (const socket of sockets) {
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 401 /);
  }
  const large = post(Buffer.alloc(32 * MIB), { authorization: 'Bearer execute' });
  assert.equal((await call('/run', large)).status, 200);
  for (const socket of sockets) socket.destroy();
});

for (const host of ['evil.example', '10.0.0.1:7070']) {
  test(`with keys a server answers under the name ${host}`, async () => {
    const socket = connect();
    socket.write(`GET /open HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://x\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(String(answer), /access-control/i);
    socket.destroy();
  });
}
