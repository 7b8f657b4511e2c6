import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { expect, test } from 'vitest';
import { codeOf, send } from './calls.js';
import type { Keyed } from './keyed-server.js';

const WHERE = { url: 'https://example.com/gozolite' };

/** Other POSTs than those that run programs: for keys.test.ts, which has the server. */
export function changesOnceOf(its: () => Keyed): void {
  test('what makes a key is done once under an Idempotency-Key, and answered alike', async () => {
    const { admin, server, adminKey } = its();
    await admin.admin.createTenant({ id: 'once' });
    const headers = { 'idempotency-key': randomUUID(), authorization: `Bearer ${adminKey}` };
    const wanted = { tenant: 'once', name: 'ci' };
    const ask = () => send(`${server.url}/admin/keys`, wanted, headers);
    const all = await Promise.all(Array.from({ length: 10 }, ask));
    const made = all.filter(({ status }) => status === 201);
    assert.ok(made.length > 0);
    assert.ok(all.every(({ status }) => status === 201 || status === 409));
    const again = await ask();
    assert.equal(again.status, 201);
    const texts = new Set(await Promise.all([...made, again].map((each) => each.text())));
    assert.equal(texts.size, 1);
    assert.equal((await admin.admin.listKeys('once')).length, 1);
    const { key } = JSON.parse([...texts][0] ?? '') as { key: string };
    assert.equal(await codeOf(new Gozo({ url: server.url, key }).usage()), 'ok');
    const other = admin.admin.createKey(
      { tenant: 'ops' },
      { idempotencyKey: headers['idempotency-key'] },
    );
    assert.equal(await codeOf(other), '422 IDEMPOTENCY_MISMATCH');
  });

  test('an answer that tells a secret is for who asked, and not in the store', async () => {
    const { admin, home, server } = its();
    await admin.admin.createTenant({ id: 'twokeys' });
    const made = [1, 2].map(() => admin.admin.createKey({ tenant: 'twokeys' }));
    const keys = (await Promise.all(made)).map(({ key }) => key);
    const [first, second] = keys.map((key) => new Gozo({ url: server.url, key }));
    assert.ok(first && second);
    const options = { idempotencyKey: randomUUID() };
    const created = await first.webhooks.create(WHERE, options);
    assert.deepEqual(await first.webhooks.create(WHERE, options), created);
    assert.equal(await codeOf(second.webhooks.create(WHERE, options)), '409 IDEMPOTENCY_CONFLICT');
    assert.equal((await first.webhooks.list()).length, 1);
    if (home.env.GOZO_STORE === undefined) {
      const names = ['store.db', 'store.db-wal'];
      const files = names.map((name) => readFileSync(join(home.folder, name)));
      for (const secret of [created.secret, ...keys]) {
        for (const file of files) expect(file.includes(secret)).toBe(false);
      }
    }
    // What stands in the path's braces is part of what is asked.
    const rotated = await first.webhooks.rotate(created.info.id, {}, { idempotencyKey: 'r-1' });
    const repeated = await first.webhooks.rotate(created.info.id, {}, { idempotencyKey: 'r-1' });
    assert.deepEqual(repeated, rotated);
    const elsewhere = first.webhooks.rotate('whk_other', {}, { idempotencyKey: 'r-1' });
    assert.equal(await codeOf(elsewhere), '422 IDEMPOTENCY_MISMATCH');
  });

  test('what was refused leaves its key free', async () => {
    const { admin } = its();
    const idempotencyKey = randomUUID();
    const early = admin.admin.createKey({ tenant: 'later' }, { idempotencyKey });
    assert.equal(await codeOf(early), '404 NOT_FOUND');
    await admin.admin.createTenant({ id: 'later' });
    const made = await admin.admin.createKey({ tenant: 'later' }, { idempotencyKey });
    assert.equal(made.info.tenant, 'later');
  });
}
