import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';
import { eventually, serverUnderTest } from '../server-under-test.js';
import { entriesOf, kindsOf, knowingHome, logText } from './audit-entries.js';

test('verify, export, checkpoint and rotate-key, as one uses them', async () => {
  await using home = await knowingHome();
  const env = { ...home.env, GOZO_AUTH: 'none', GOZO_AUDIT: 'true' };
  const gozo = (...args: readonly string[]) => home.gozo('audit', ...args);
  const log = join(home.folder, 'audit', 'log');
  const early = join(home.folder, 'early.checkpoint');
  {
    await using server = await startOwnServer(env);
    const client = new Gozo({ url: server.url });
    await client.execute({ language: 'bash', code: 'echo one' });
    await eventually('it is signed', 60_000, async () =>
      (await gozo('verify')).stdout.includes('not signed') ? undefined : true,
    );
    writeFileSync(early, (await gozo('checkpoint')).stdout);
    const before = readFileSync(join(home.folder, 'audit', 'key.pub'), 'utf8').trim();
    const rotated = await gozo('rotate-key');
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    await eventually('the key is another', 60_000, () =>
      readFileSync(join(home.folder, 'audit', 'key.pub'), 'utf8').startsWith(rotated.stdout)
        ? true
        : undefined,
    );
    await client.execute({ language: 'bash', code: 'echo two' });
    server.child.kill('SIGTERM');
    await server.ended;
    const fine = await gozo('verify', '--key', before, '--since', early);
    assert.equal(fine.exitCode, 0, fine.stdout);
    assert.ok(fine.stdout.includes(rotated.stdout.trim()));
  }
  const file = join(home.folder, 'export.ndjson');
  assert.equal((await gozo('export', '--file', file)).exitCode, 0);
  assert.equal((await gozo('verify', '--file', file, '--since', early)).exitCode, 0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"exit_code":0', '"exit_code":1'));
  const changed = await gozo('verify', '--file', file);
  assert.equal(changed.exitCode, 1);
  assert.match(changed.stdout, /NOT AS WRITTEN: line \d+: entry \d+ was changed/);
  const late = join(home.folder, 'late.checkpoint');
  writeFileSync(late, (await gozo('checkpoint')).stdout);
  const whole = readFileSync(log, 'utf8');
  const cut = whole.lastIndexOf('\n', whole.length - 2) + 1;
  truncateSync(log, cut);
  for (const name of ['checkpoint', 'rows', 'hashes']) rmSync(join(home.folder, 'audit', name));
  const short = await gozo('verify', '--since', late);
  assert.equal(short.exitCode, 1);
  assert.match(short.stdout, /the log was cut/);
});

test('a log that was changed stops the start, and says what to do', async () => {
  await using home = await knowingHome();
  const env = { ...home.env, GOZO_AUTH: 'none', GOZO_AUDIT: 'true' };
  {
    await using server = await startOwnServer(env);
    server.child.kill('SIGTERM');
    await server.ended;
  }
  const folder = join(home.folder, 'audit');
  writeFileSync(join(folder, 'log'), logText(home.folder).replace('"opened"', '"policy"'));
  for (const name of ['rows', 'hashes']) rmSync(join(folder, name));
  await assert.rejects(
    startOwnServer(env),
    /is not what was signed.*gozo audit verify says where/s,
  );
});

test('a full disk: nothing is run that is not on record, until there is room again', async () => {
  await using home = await knowingHome();
  const folder = join(home.folder, 'audit');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder]);
  const filler = join(folder, 'filler');
  const hello = { language: 'bash', code: 'echo hello' };
  try {
    await using server = await startOwnServer({
      ...home.env,
      ...{ GOZO_AUTH: 'none', GOZO_AUDIT: 'true' },
    });
    const gozo = new Gozo({ url: server.url });
    await gozo.execute(hello);
    const fill = () => {
      for (let size = 64 * 1024; size > 0; size = Math.floor(size / 2)) {
        for (;;) {
          try {
            appendFileSync(filler, Buffer.alloc(size));
          } catch {
            break;
          }
        }
      }
    };
    // A page of the log may have room for some more entries.
    const refused = await eventually('a refusal', 120_000, async () => {
      fill();
      return gozo.execute(hello).then(
        () => undefined,
        (error: unknown) => String(error),
      );
    });
    assert.match(refused, /audit log/i);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^gozolite_refusals_total\{code="AUDIT_UNAVAILABLE"\} [1-9]/m);
    rmSync(filler);
    const served = await eventually('it is served again', 120_000, () =>
      gozo.execute(hello).catch(() => undefined),
    );
    assert.equal(served.stdout, 'hello\n');
    server.child.kill('SIGTERM');
    await server.ended;
    const verified = await home.gozo('audit', 'verify');
    assert.equal(verified.exitCode, 0, verified.stdout);
    assert.deepEqual(kindsOf(entriesOf(home.folder), served.id), ['admitted', 'started', 'ended']);
  } finally {
    execFileSync('umount', ['--lazy', folder]);
  }
});

test('without keys there is no log unless it is wanted', () => {
  assert.ok(existsSync(join(serverUnderTest().state, 'data', 'detection.json')));
  assert.ok(!existsSync(join(serverUnderTest().state, 'data', 'audit')));
});
