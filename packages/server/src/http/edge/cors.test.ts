import assert from 'node:assert/strict';
import { ok } from '@gozolite/contract/result';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { serveForTests, UNDESCRIBED } from '../app-under-test.js';
import { json } from '../route.js';
import { readCorsOrigins } from './settings.js';

const ORIGIN = 'http://localhost:5173';
const ASKING = { 'access-control-request-method': 'POST', origin: ORIGIN };
const routes = [
  {
    method: 'POST',
    path: '/run',
    document: UNDESCRIBED,
    handle: () => ok(json(200, {})),
  },
] as const;

describe('unless it is set', () => {
  const { call, start, stop } = serveForTests(routes);
  beforeAll(start);
  afterAll(stop);

  test('no page of another origin is let in, nor told that it could be', async () => {
    for (const method of ['POST', 'OPTIONS']) {
      const { status, headers } = await call('/run', { method, headers: ASKING });
      assert.equal(status, 403);
      assert.equal(headers.get('access-control-allow-origin'), null);
      assert.equal(headers.get('vary'), null);
    }
  });
});

describe('with one origin', () => {
  const { call, start, stop } = serveForTests(routes, undefined, { corsOrigins: [ORIGIN] });
  beforeAll(start);
  afterAll(stop);

  test('its pages are let in, by the browser as well', async () => {
    const headers = { origin: ORIGIN, 'sec-fetch-site': 'cross-site' };
    const answer = await call('/run', { method: 'POST', headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('access-control-allow-origin'), ORIGIN);
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    assert.match(answer.headers.get('access-control-expose-headers') ?? '', /retry-after/);
    assert.match(answer.headers.get('vary') ?? '', /origin/);
    const refused = await call('/nothing', { method: 'POST', headers });
    assert.equal(refused.headers.get('access-control-allow-origin'), ORIGIN);
  });

  test('a browser that asks beforehand is told what it may send', async () => {
    const { status, headers } = await call('/run', { method: 'OPTIONS', headers: ASKING });
    assert.equal(status, 204);
    assert.equal(headers.get('access-control-allow-origin'), ORIGIN);
    assert.match(headers.get('access-control-allow-methods') ?? '', /POST/);
    assert.match(headers.get('access-control-allow-headers') ?? '', /authorization, content-type/);
    assert.equal((await call('/nothing', { method: 'OPTIONS', headers: ASKING })).status, 404);
    const bare = await call('/run', { method: 'OPTIONS' });
    assert.equal(bare.status, 405);
  });

  for (const origin of ['http://localhost:5174', 'https://localhost:5173', 'null']) {
    test(`${origin} is not it`, async () => {
      for (const method of ['POST', 'OPTIONS']) {
        const { status, headers } = await call('/run', { method, headers: { ...ASKING, origin } });
        assert.equal(status, 403);
        assert.equal(headers.get('access-control-allow-origin'), null);
        assert.match(headers.get('vary') ?? '', /origin/);
      }
    });
  }
});

test('what is no origin is named, and * needs keys', () => {
  const read = (text: string, hasKeys: boolean) => {
    const faults: string[] = [];
    const list = () => text.split(',').filter((each) => each !== '');
    return { origins: readCorsOrigins({ list }, hasKeys, faults), faults };
  };
  assert.deepEqual(read('', false), { origins: [], faults: [] });
  assert.deepEqual(read('https://a.example,http://[::1]:80', false).faults, []);
  assert.deepEqual(read('*', true), { origins: ['*'], faults: [] });
  assert.equal(read('*', false).faults.length, 1);
  for (const bad of ['a.example', 'https://a.example/', 'https://A.example', 'null', 'file://']) {
    assert.match(read(bad, true).faults.join(), new RegExp(`"${bad}"`));
  }
});
