import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import type { Readiness } from '@gozolite/contract/health';
import type { Problem } from '@gozolite/contract/refusal';
import { WIDE_SMOKES } from '@gozolite/languages/smokes/standard';
import { test } from 'vitest';
import { freePort } from '../../scripts/test/test-server.mjs';
import { eventually } from '../server-under-test.js';
import { expectStatus, get, load, post, run } from './client.js';
import { spawnServer, startOwnServer } from './own-server.js';

function untilRunning(url: string, count: number): Promise<true> {
  return eventually(`${count} running`, 5000, async () =>
    (await load(url)).running === count ? true : undefined,
  );
}

test('SIGTERM drains: what runs ends ok, what comes is DRAINING, then it exits 0', async () => {
  await using server = await startOwnServer({});
  const running = post({ language: 'bash', code: 'sleep 1.5; echo end' }, {}, server.url);
  await untilRunning(server.url, 1);
  server.child.kill('SIGTERM');
  await eventually('it to drain', 1000, async () => {
    const { reason } = await get<Readiness>('/readyz', server.url);
    return reason === 'DRAINING' ? true : undefined;
  });
  const refused = await post({ language: 'bash', code: ':' }, {}, server.url);
  assert.equal(refused.status, 503);
  assert.equal((refused.body as Problem).code, 'DRAINING');
  assert.ok(refused.headers.has('retry-after'));
  assert.equal(((await running).body as Execution).stdout, 'end\n');
  assert.equal((await server.ended).exitCode, 0);
});

test('what still runs when the drain is over is cancelled, with a record', async () => {
  await using server = await startOwnServer({ GOZO_DRAIN_MS: '300' });
  const running = post({ language: 'bash', code: 'sleep 50' }, {}, server.url);
  await untilRunning(server.url, 1);
  const startedMs = performance.now();
  server.child.kill('SIGTERM');
  const { status, body } = await running;
  assert.equal(status, 200);
  expectStatus(body as Execution, 'cancelled');
  assert.equal((await server.ended).exitCode, 0);
  assert.ok(performance.now() - startedMs < 3000);
});

test('all bad settings are named at once, each with its range, and it exits 78', async () => {
  const env = { GOZO_PORT: '70000', GOZO_QUEUE: '-1', GOZO_HOST: '0.0.0.0', GOZO_TYPO: '1' };
  const { exitCode, stderr } = await spawnServer(env).ended;
  assert.equal(exitCode, 78);
  for (const word of [
    'GOZO_PORT',
    '0 to 65535',
    'GOZO_QUEUE',
    'GOZO_HOST',
    'loopback',
    'GOZO_TYPO',
  ]) {
    assert.ok(stderr.includes(word), `${word} is missing in:\n${stderr}`);
  }
});

test('--check-config only checks', async () => {
  assert.equal((await spawnServer({}, ['--check-config']).ended).exitCode, 0);
  assert.equal((await spawnServer({ GOZO_PORT: 'x' }, ['--check-config']).ended).exitCode, 78);
});

test('a taken port is told in one line, with exit code 1', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  // Not where a server of this machine has its own: that may run as another user.
  const data = mkdtempSync(join(tmpdir(), 'gozolite-data-'));
  try {
    const env = { GOZO_PORT: String(port), GOZO_DATA: data };
    const { exitCode, stderr } = await spawnServer(env).ended;
    assert.equal(exitCode, 1);
    assert.match(stderr, /EADDRINUSE/);
    assert.equal(stderr.trim().split('\n').length, 1);
  } finally {
    other.close();
    rmSync(data, { recursive: true });
  }
});

test('without a launcher it is alive and not ready, and says so', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const data = mkdtempSync(join(tmpdir(), 'gozolite-data-'));
  const server = spawnServer({
    GOZO_PORT: `${port}`,
    GOZO_SOCKET: '/nonexistent',
    GOZO_DATA: data,
  });
  try {
    await eventually(
      'health',
      5000,
      async () => (await get<{ status: string }>('/healthz', url).catch(() => undefined))?.status,
    );
    const readiness = await get<Readiness>('/readyz', url);
    assert.equal(readiness.reason, 'LAUNCHER_AWAY');
    assert.equal((await fetch(`${url}/readyz`)).status, 503);
    const diagnostics = await get<{
      healthy: boolean;
      findings: { id: string; remedy?: string }[];
    }>('/diagnostics', url);
    assert.equal(diagnostics.healthy, false);
    assert.ok(diagnostics.findings.find(({ id }) => id === 'launcher')?.remedy);
    const answer = await post({ language: 'bash', code: ':' }, {}, url);
    assert.equal(answer.status, 503);
    assert.ok(answer.headers.has('retry-after'));
  } finally {
    server.child.kill('SIGKILL');
    await server.ended;
    rmSync(data, { recursive: true });
  }
});

const GREETING = `
id: greeting
name: Greeting
aliases: [hello-file]
extensions: [.greet]
source: who.greet
toolchain:
  candidates: [{ tool: /usr/bin/cat }]
  version: { command: ['{tool}', --version], pattern: 'coreutils\\) ([\\d.]+)' }
packages: { debian: [coreutils] }
run: { command: ['{tool}', '{entry}'] }
template: world
smokes: {}
tool: true
not_applicable:
${WIDE_SMOKES.map((name) => `  ${name}: it only shows its file`).join('\n')}
`;

test('a language file in a configured folder is as good as a shipped one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-languages-'));
  writeFileSync(join(folder, 'greeting.yaml'), GREETING);
  writeFileSync(join(folder, 'broken.yaml'), 'id: broken');
  try {
    await using server = await startOwnServer({ GOZO_LANGUAGES: folder });
    const execution = await run({ language: 'hello-file', code: 'hi there' }, server.url);
    expectStatus(execution, 'ok');
    assert.equal(execution.stdout, 'hi there');
    const { findings } = await get<{ findings: { id: string; detail: string }[] }>(
      '/diagnostics',
      server.url,
    );
    assert.match(findings.find(({ id }) => id === 'language-file')?.detail ?? '', /broken\.yaml/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const ABSENT = GREETING.replace('greeting', 'absent')
  .replace('hello-file', 'not-there')
  .replace('.greet', '.absent')
  .replace('/usr/bin/cat', '/usr/bin/no-such-tool');

test('a known language without its toolchain is a record that says what to install', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-languages-'));
  writeFileSync(join(folder, 'absent.yaml'), ABSENT);
  try {
    await using server = await startOwnServer({ GOZO_LANGUAGES: folder });
    const execution = await run({ language: 'absent', code: '' }, server.url);
    expectStatus(execution, 'failed');
    assert.equal(execution.error, 'TOOLCHAIN_MISSING');
    assert.match(execution.message ?? '', /apt-get install.* coreutils/);
    assert.equal(execution.language.id, 'absent');
    assert.equal(execution.exit_code, null);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
