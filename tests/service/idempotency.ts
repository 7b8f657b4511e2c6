import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { KeptExecution } from '@gozolite/contract/kept/kept';
import type { Gozo } from '@gozolite/sdk/gozo';
import { test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { codeOf, HELLO, type Its, SLEEPING, send } from './calls.js';

/** One request, however often it is sent: for executions.test.ts, which has the server. */
export function keysOf(its: Its): void {
  test('twenty at once with one key are one execution, told alike', async () => {
    const { url } = its();
    const headers = { 'idempotency-key': `"${randomUUID()}"` };
    const all = await Promise.all(
      Array.from({ length: 20 }, () => send(`${url}/executions`, HELLO, headers)),
    );
    const texts = await Promise.all(all.map((each) => each.text()));
    assert.ok(all.every(({ status }) => status === 202));
    const ids = new Set(texts.map((text) => (JSON.parse(text) as KeptExecution).id));
    assert.equal(ids.size, 1);
    assert.equal(new Set(all.map((each) => each.headers.get('location'))).size, 1);
  });

  test('a key with another body, or on another path, is refused; so is a bad one', async () => {
    const { url, gozo } = its();
    const idempotencyKey = randomUUID();
    const { id } = await gozo.submit(HELLO, { idempotencyKey });
    assert.equal((await gozo.submit(HELLO, { idempotencyKey })).id, id);
    const other = gozo.submit({ ...HELLO, code: 'echo other' }, { idempotencyKey });
    assert.equal(await codeOf(other), '422 IDEMPOTENCY_MISMATCH');
    assert.equal(await codeOf(gozo.execute(HELLO, { idempotencyKey })), '422 IDEMPOTENCY_MISMATCH');
    for (const bad of ['', 'x'.repeat(256), 'a b']) {
      const answer = await send(`${url}/executions`, HELLO, { 'idempotency-key': bad });
      assert.equal(answer.status, 400, bad);
    }
  });

  test('a refused request leaves its key free', async () => {
    const { gozo } = its();
    const idempotencyKey = randomUUID();
    const bad = gozo.submit({ language: 'nonsense', code: '' }, { idempotencyKey });
    assert.equal(await codeOf(bad), '422 UNKNOWN_LANGUAGE');
    assert.equal(await codeOf(gozo.submit(HELLO, { idempotencyKey })), 'ok');
  });

  test('a batch with a key is accepted once', async () => {
    const { gozo } = its();
    const idempotencyKey = randomUUID();
    const batch = [HELLO, { language: 'nonsense', code: '' }];
    const first = await gozo.submitBatch(batch, { idempotencyKey });
    assert.deepEqual(await gozo.submitBatch(batch, { idempotencyKey }), first);
  });
}

/** The same of those that are waited for. */
export function onceOf(its: Its): void {
  test('/execute with a key says so while the first goes on, then its record', async () => {
    const { gozo } = its();
    const idempotencyKey = randomUUID();
    const before = await newest(gozo);
    const first = gozo.execute(SLEEPING, { idempotencyKey });
    const id = await another(gozo, before);
    const again = () => gozo.execute(SLEEPING, { idempotencyKey });
    assert.equal(await codeOf(again()), '409 IDEMPOTENCY_CONFLICT');
    const { record } = await gozo.cancel(id);
    assert.deepEqual([await first, await again(), await again()], [record, record, record]);
  });

  test('/execute with a key goes on without its caller, who finds the record later', async () => {
    const { gozo } = its();
    const idempotencyKey = randomUUID();
    const request = { language: 'bash', code: 'echo begun; sleep 1; echo done' };
    const before = await newest(gozo);
    const gone = new AbortController();
    const lost = gozo.execute(request, { idempotencyKey, signal: gone.signal }).catch(() => 'lost');
    const id = await another(gozo, before);
    gone.abort();
    await lost;
    const record = await gozo.wait(id);
    assert.deepEqual([record.status, record.stdout], ['ok', 'begun\ndone\n']);
    assert.deepEqual(await gozo.execute(request, { idempotencyKey }), record);
  });
}

async function newest(gozo: Gozo): Promise<string | undefined> {
  return (await gozo.executions({ limit: 1 })).executions[0]?.id;
}

/** The one that came after that, as soon as it is on record. */
function another(gozo: Gozo, before: string | undefined): Promise<string> {
  return eventually('it is on record', 30_000, async () => {
    const id = await newest(gozo);
    return id === before ? undefined : id;
  });
}
