import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { test } from 'vitest';
import { startOwnServer } from '../../integration/own-server.js';
import { entriesOf } from '../audit-entries.js';
import { codeOf, HELLO } from '../calls.js';
import { makeHome, startKeyed } from '../keyed-server.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('a policy decides how long output and records are kept', async () => {
  const policies = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  const policy = join(policies, 'default.yaml');
  writeFileSync(policy, 'retention: { output_s: 0 }\n');
  await using home = await makeHome('sqlite');
  const env = { ...home.env, GOZO_AUTH: 'none', GOZO_POLICIES: policies };
  const word = `word${Math.random()}`;
  let id = '';
  {
    await using server = await startOwnServer(env);
    const gozo = new Gozo({ url: server.url });
    ({ id } = await gozo.submit({ language: 'bash', code: `echo ${word}; echo err >&2` }));
    const record = await gozo.wait(id);
    assert.deepEqual([record.status, record.stdout, record.stderr], ['ok', '', '']);
    assert.equal(record.stdout_bytes, word.length + 1);
    assert.deepEqual(record.digests, { stdout: sha256(`${word}\n`), stderr: sha256('err\n') });
    // Who waits is answered whole, and nothing of it is kept.
    assert.equal((await gozo.execute(HELLO)).stdout, 'hello\n');
    server.child.kill('SIGTERM');
    await server.ended;
  }
  for (const name of ['store.db', 'store.db-wal']) {
    const bytes = readFileSync(join(home.folder, name), { flag: 'a+' });
    assert.equal(bytes.includes(word), false, name);
  }
  writeFileSync(policy, 'retention: { record_s: 0 }\n');
  await using next = await startOwnServer(env);
  assert.equal(await codeOf(new Gozo({ url: next.url }).execution(id)), '404 NOT_FOUND');
  rmSync(policies, { recursive: true });
});

test('what is kept of a tenant is deleted once it is revoked, by hand and over HTTP', async () => {
  await using keyed = await startKeyed('sqlite');
  const { gozo } = await keyed.tenant('acme');
  const { id } = await gozo.submit(HELLO);
  await gozo.wait(id);
  const { admin } = keyed.admin;
  assert.equal(await codeOf(admin.eraseTenant('acme')), '409 CONFLICT');
  assert.equal(await codeOf(admin.eraseTenant('nobody')), '404 NOT_FOUND');
  await admin.revokeTenant('acme');
  assert.deepEqual(await admin.eraseTenant('acme'), {
    ...{ id: 'acme', executions: 1, webhooks: 0, keys: 1 },
  });
  assert.deepEqual(await admin.listKeys('acme'), []);
  const told = entriesOf(keyed.home.folder).find(({ action }) => action === 'eraseTenant');
  assert.deepEqual([told?.target, told?.made], ['acme', ['acme']]);
  assert.equal(await codeOf(gozo.execution(id)), '401 UNAUTHENTICATED');
  assert.equal(await codeOf(admin.createTenant({ id: 'acme' })), '409 CONFLICT');
  const again = await keyed.home.gozo('tenants', 'erase', 'acme');
  assert.equal(again.stdout, 'acme: deleted 0 executions, 0 webhooks, 0 keys\n', again.stderr);
});
