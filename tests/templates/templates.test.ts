import assert from 'node:assert/strict';
import type { Execution } from '@gozolite/contract/execution';
import { test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';

/** Runtimes that start from a template share its hash seed: by that it can be seen. */

const PROGRAMS: Readonly<Record<string, string>> = {
  python: "import os, random; print(hash('a'), random.random(), os.urandom(8).hex())",
  ruby: "puts ['a'.hash, rand, Random.bytes(8).unpack1('H*')].join(' ')",
};
const TRIES_MAX = 40;

async function execute(url: string, language: string, code: string): Promise<Execution> {
  const response = await fetch(new URL('/execute', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language, code }),
  });
  const execution: Execution = JSON.parse(await response.text());
  assert.equal(execution.status, 'ok', execution.stderr);
  return execution;
}

/** What so many prepared runs print, word by word. */
async function prepared(url: string, language: string, count: number): Promise<string[][]> {
  const seen: string[][] = [];
  for (let tried = 0; tried < TRIES_MAX && seen.length < count; tried += 1) {
    const { prepared, stdout } = await execute(url, language, PROGRAMS[language] ?? '');
    if (prepared) seen.push(stdout.trim().split(' '));
    await new Promise((resolve) => setTimeout(resolve, prepared ? 0 : 250));
  }
  assert.equal(seen.length, count, 'too few were prepared');
  return seen;
}

function column(rows: readonly string[][], at: number): number {
  return new Set(rows.map((row) => row[at])).size;
}

for (const language of Object.keys(PROGRAMS)) {
  test(`${language}: those of one template hash alike and draw other numbers`, async () => {
    await using server = await startOwnServer({ GOZO_PREPARE: 'true' });
    const rows = await prepared(server.url, language, 12);
    assert.ok(column(rows, 0) < rows.length, 'no two of them came from one template');
    assert.deepEqual([column(rows, 1), column(rows, 2)], [12, 12]);
  });
}

test('where templates are forbidden, each runtime is booted by itself', async () => {
  await using server = await startOwnServer({ GOZO_PREPARE: 'boot' });
  const rows = await prepared(server.url, 'python', 4);
  assert.deepEqual([column(rows, 0), column(rows, 1), column(rows, 2)], [4, 4, 4]);
});
