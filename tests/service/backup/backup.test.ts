import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { Webhook } from 'standardwebhooks';
import { test } from 'vitest';
import { startReceiver } from '../../../packages/server/src/webhooks/receiver.js';
import { BUILD, startOwnServer } from '../../integration/own-server.js';
import { eventually } from '../../server-under-test.js';
import { codeOf, HELLO } from '../calls.js';
import { type Ran, run, startKeyed } from '../keyed-server.js';

const OWN = { GOZO_WEBHOOK_ALLOW: '127.0.0.1', GOZO_WEBHOOK_HTTP: 'true' };

function gozo(data: string, ...args: readonly string[]): Promise<Ran> {
  return run([join(BUILD, 'gozo.mjs'), ...args], { GOZO_DATA: data });
}

test('backed up under load, restored: records, keys, webhooks, audit log are there', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gozolite-backup-'));
  const [copy, data] = [join(root, 'copy'), join(root, 'data')];
  await using keyed = await startKeyed('sqlite', OWN);
  await using receiver = await startReceiver(() => 200);
  const acme = await keyed.tenant('acme');
  const { secret, info } = await acme.gozo.webhooks.create({ url: receiver.url });
  const { id } = await acme.gozo.submit(HELLO);
  const record = await acme.gozo.wait(id);
  let isOver = false;
  const accepted: string[] = [];
  const load = [1, 2, 3].map(async () => {
    while (!isOver) accepted.push((await acme.gozo.submit(HELLO)).id);
  });
  await eventually('load', 60_000, () => accepted.length > 5 || undefined);
  const before = [...accepted];
  const made = await gozo(keyed.home.folder, 'backup', copy);
  isOver = true;
  await Promise.all(load);
  assert.equal(made.exitCode, 0, made.stderr);
  const digest = /manifest: ([0-9a-f]{64})$/m.exec(made.stdout)?.[1] ?? '';
  const verified = await gozo('/nowhere', 'backup', 'verify', copy, '--digest', digest);
  assert.deepEqual([verified.exitCode, verified.stderr], [0, '']);
  assert.equal((await gozo(keyed.home.folder, 'backup', copy)).exitCode, 69);
  const brought = await gozo(data, 'restore', copy);
  assert.equal(brought.exitCode, 0, brought.stderr);
  assert.equal((await gozo(data, 'restore', copy)).exitCode, 69);
  const audited = await gozo(data, 'audit', 'verify');
  assert.equal(audited.exitCode, 0, audited.stdout);

  copyFileSync(join(keyed.home.folder, 'detection.json'), join(data, 'detection.json'));
  await using server = await startOwnServer({ GOZO_DATA: data, GOZO_AUTH: 'keys', ...OWN });
  const again = new Gozo({ url: server.url, key: acme.key });
  assert.deepEqual((await again.execution(id)).record, record);
  for (const one of before) assert.equal((await again.execution(one)).state, 'ended');
  const told = await again.submit({ ...HELLO, webhook: info.id });
  await eventually('it is told', 60_000, () =>
    receiver.received.find(({ body }) => body.includes(told.id)),
  );
  const { body, headers } = receiver.received.at(-1) ?? { body: '', headers: {} };
  new Webhook(secret).verify(body, headers as Record<string, string>);
  const stranger = new Gozo({ url: server.url, key: keyed.adminKey.replace(/.$/, 'x') });
  assert.equal(await codeOf(stranger.usage()), '401 UNAUTHENTICATED');
  rmSync(root, { recursive: true });
});

test('a backup that was changed, or holds another secret, is not brought back', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gozolite-backup-'));
  const [copy, data] = [join(root, 'copy'), join(root, 'data')];
  await using keyed = await startKeyed('sqlite');
  assert.equal((await gozo(keyed.home.folder, 'backup', copy)).exitCode, 0);
  const file = join(copy, 'key-secret');
  const was = readFileSync(file);
  const other = '0'.repeat(64);
  writeFileSync(file, `${other}\n`);
  const verified = await gozo('/nowhere', 'backup', 'verify', copy);
  assert.equal(verified.exitCode, 1);
  assert.match(verified.stdout, /NOT WHOLE: key-secret was changed/);
  assert.match((await gozo(data, 'restore', copy)).stderr, /key-secret was changed/);
  assert.equal(existsSync(data), false);
  writeFileSync(file, was);
  const digest = await gozo('/nowhere', 'backup', 'verify', copy, '--digest', other);
  assert.match(digest.stdout, /it is another backup/);
  rmSync(root, { recursive: true });
});
