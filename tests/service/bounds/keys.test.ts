import assert from 'node:assert/strict';
import type { Problem } from '@gozolite/contract/refusal';
import type { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { codeOf, HELLO, send } from '../calls.js';
import { type Keyed, STORES, startKeyed } from '../keyed-server.js';

const KEYS = 3;

describe.each(STORES)('of Idempotency-Keys, with %s', (store) => {
  let keyed: Keyed;
  beforeAll(async () => {
    keyed = await startKeyed(store, { GOZO_IDEMPOTENCY_KEYS: String(KEYS) });
  });
  afterAll(() => keyed[Symbol.asyncDispose]());

  const take = async (gozo: Gozo, count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let at = 0; at < count; at += 1) {
      ids.push((await gozo.submit(HELLO, { idempotencyKey: `key-${at}` })).id);
    }
    return ids;
  };

  test('one more than are remembered is told when the oldest goes; the rest goes on', async () => {
    const { gozo, key } = await keyed.tenant('full');
    const [first] = await take(gozo, KEYS);
    const authorization = `Bearer ${key}`;
    const headers = { authorization, 'idempotency-key': 'one-more' };
    const answer = await send(`${keyed.server.url}/executions`, HELLO, headers);
    assert.equal(answer.status, 429);
    const { code, limit } = (await answer.json()) as Problem;
    assert.equal(code, 'RATE_LIMITED');
    assert.deepEqual(limit, { name: 'idempotency_keys', quota: KEYS, remaining: 0 });
    const afterS = Number(answer.headers.get('retry-after'));
    assert.ok(afterS > 86_000 && afterS <= 86_400, `${afterS} s`);
    // A key that is known, and no key at all.
    assert.equal((await gozo.submit(HELLO, { idempotencyKey: 'key-0' })).id, first);
    assert.equal(await codeOf(gozo.execute(HELLO)), 'ok');
    const execute = await send(`${keyed.server.url}/execute`, HELLO, headers);
    assert.equal(execute.status, 429);
  });

  test('it is one tenant that is full, and each POST that a key makes once counts', async () => {
    const { gozo } = await keyed.tenant('other');
    await take(gozo, KEYS);
    const headers = { authorization: `Bearer ${keyed.adminKey}` };
    const statuses: number[] = [];
    for (let at = 0; at < KEYS + 1; at += 1) {
      const wanted = { tenant: 'other', name: `n-${at}` };
      const own = { ...headers, 'idempotency-key': `admin-${at}` };
      statuses.push((await send(`${keyed.server.url}/admin/keys`, wanted, own)).status);
    }
    assert.deepEqual(statuses, [201, 201, 201, 429]);
  });
});
