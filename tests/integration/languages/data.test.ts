import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capabilities } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import type { Problem } from '@gozolite/contract/refusal';
import { afterAll, beforeAll, test } from 'vitest';
import { serverUnderTest } from '../../server-under-test.js';
import { get } from '../client.js';
import { type OwnServer, startOwnServer } from '../own-server.js';

/** Data sets from `gozo data add` to a run that reads them, by a server that grants two names. */

const ROOT = join(import.meta.dirname, '../../..');
/** Where the launcher of the server under test looks too: `npm start` told it. */
const PACKS = join(serverUnderTest().state, 'packs');

let folder = '';
let server: OwnServer;

function gozo(...words: readonly string[]) {
  const env = { ...process.env, GOZO_PACKS: PACKS, GOZO_URL: server.url };
  return spawnSync(process.execPath, [join(ROOT, 'build/gozo.mjs'), ...words], {
    env,
    encoding: 'utf8',
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-data-'));
  mkdirSync(join(folder, 'iris'));
  writeFileSync(join(folder, 'iris', 'iris.csv'), '5.1,setosa\n');
  writeFileSync(join(folder, 'words.txt'), 'one\ntwo\n');
  // What the server under test has found of the host need not be looked for again.
  const data = join(folder, 'server');
  cpSync(join(serverUnderTest().state, 'data'), data, { recursive: true });
  const grants = { GOZO_PACKS: PACKS, GOZO_DATA_ALLOW: 'iris,words' };
  server = await startOwnServer({ ...grants, GOZO_DATA: data });
  for (const name of ['iris', 'secret']) {
    const { status, stderr } = gozo('data', 'add', name, join(folder, 'iris'));
    assert.equal(status, 0, stderr);
  }
});
afterAll(async () => {
  gozo('data', 'remove', '--all');
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function execute<Body = Execution>(data: readonly string[], code: string): Promise<Body> {
  const response = await fetch(`${server.url}/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language: 'bash', code, data }),
  });
  const body: Body = JSON.parse(await response.text());
  return body;
}

test('a set that is added to a running server is read, and the record has its digest', async () => {
  const missing = await execute<Problem>(['words'], '');
  assert.deepEqual([missing.status, missing.code], [422, 'UNKNOWN_DATA']);
  assert.match(missing.detail, /"words" is not installed; installed are iris/);
  const added = gozo('data', 'add', 'words', join(folder, 'words.txt'));
  assert.equal(added.status, 0, added.stderr);
  const ran = await execute(['words', 'iris'], 'cat /data/words/words.txt /data/iris/iris.csv');
  assert.deepEqual([ran.status, ran.stdout], ['ok', 'one\ntwo\n5.1,setosa\n']);
  const { data } = await get<Capabilities>('/capabilities', server.url);
  assert.deepEqual(
    data.map(({ name, files }) => `${name} ${files}`),
    ['iris 1', 'words 1'],
  );
  const digestOf = (name: string) => data.find((set) => set.name === name)?.digest;
  assert.deepEqual(ran.data, [
    { name: 'words', digest: digestOf('words') },
    { name: 'iris', digest: digestOf('iris') },
  ]);
  assert.equal((await execute([], 'ls /data')).data, undefined);
});

test('a set that the policy does not grant is refused by name, and named to nobody', async () => {
  const refused = await execute<Problem>(['iris', 'secret'], '');
  assert.deepEqual([refused.status, refused.code], [403, 'FORBIDDEN']);
  assert.equal(refused.errors?.[0]?.pointer, '/data/1');
  assert.match(refused.detail, /it grants iris, words\.$/);
  const { data } = await get<Capabilities>('/capabilities', server.url);
  assert.ok(!data.some(({ name }) => name === 'secret'));
});

test('gozo run --data, and what the CLI tells of sets', () => {
  const ran = gozo('run', '-l', 'bash', '-c', 'wc -l < /data/iris/iris.csv', '--data', 'iris');
  assert.deepEqual([ran.status, ran.stdout.trim()], [0, '1'], ran.stderr);
  assert.equal(gozo('run', '-l', 'bash', '-c', ':', '--data', 'secret').status, 64);
  assert.match(gozo('data', 'list').stdout, /^iris +0\.0 MB 1 files {2}[0-9a-f]{64}$/m);
  const verified = gozo('data', 'verify', '--all');
  assert.match(verified.stdout, /^iris: as it was added, /m);
  assert.equal(verified.status, 0);
  const file = join(folder, 'sets.tar.gz');
  assert.equal(gozo('data', 'export', file, 'iris').status, 0);
  assert.equal(gozo('data', 'remove', 'iris').status, 0);
  assert.equal(gozo('data', 'remove', 'iris').status, 64);
  assert.match(gozo('data', 'import', file).stdout, /^iris: imported, [0-9a-f]{64}$/m);
});
