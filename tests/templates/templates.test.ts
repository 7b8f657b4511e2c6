import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import { test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';
import { startKeyed } from '../service/keyed-server.js';

/** Runtimes of one template share hash seed and addresses: by that it can be seen. */

const PROGRAMS: Readonly<Record<string, string>> = {
  python: "import os, random; print(hash('a'), random.random(), os.urandom(8).hex())",
  php: `<?php
    $random = [mt_rand(), lcg_value(), spl_object_hash(new stdClass)];
    echo explode('-', file('/proc/self/maps')[0])[0], ' ', md5(implode($random)), ' ',
      bin2hex(openssl_random_pseudo_bytes(8));
  `,
  ruby: "puts ['a'.hash, rand, Random.bytes(8).unpack1('H*')].join(' ')",
};
const PREPARED_MS_MAX = 150_000;
const PAUSE_MS_MAX = 3_000;

interface Asker {
  readonly url: string;
  readonly key?: string;
}

async function execute({ url, key }: Asker, language: string): Promise<Execution> {
  const response = await fetch(new URL('/execute', url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ language, code: PROGRAMS[language] ?? '' }),
  });
  const execution: Execution = JSON.parse(await response.text());
  assert.equal(execution.status, 'ok', execution.stderr);
  return execution;
}

/** What so many prepared runs print, word by word. */
async function prepared(asker: Asker, language: string, count: number): Promise<string[][]> {
  const seen: string[][] = [];
  while (seen.length < count) seen.push(await untilPrepared(asker, language));
  return seen;
}

/** Booting has the smallest share of the CPU: who never pauses starves what he waits for. */
async function untilPrepared(asker: Asker, language: string): Promise<string[]> {
  const until = performance.now() + PREPARED_MS_MAX;
  for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const { prepared, stdout } = await execute(asker, language);
    if (prepared) return stdout.trim().split(' ');
    assert.ok(performance.now() < until, 'none was prepared');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function column(rows: readonly string[][], at: number): number {
  return new Set(rows.map((row) => row[at])).size;
}

for (const language of Object.keys(PROGRAMS)) {
  test(`${language}: those of one template are alike and draw other numbers`, async () => {
    await using server = await startOwnServer({});
    const rows = await prepared(server, language, 12);
    assert.ok(column(rows, 0) < rows.length, 'no two of them came from one template');
    assert.deepEqual([column(rows, 1), column(rows, 2)], [12, 12]);
  });
}

test('where templates are forbidden, each runtime is booted by itself', async () => {
  await using server = await startOwnServer({ GOZO_PREPARE: 'boot' });
  const rows = await prepared(server, 'python', 4);
  assert.deepEqual([column(rows, 0), column(rows, 1), column(rows, 2)], [4, 4, 4]);
});

const SHARINGS = { mine: 'own', his: '', ours: 'shared', theirs: 'shared', nobodys: 'none' };

test('tenants share a template where both policies say so, and nothing else', async () => {
  const policies = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  try {
    for (const [tenant, sharing] of Object.entries(SHARINGS)) {
      const text = sharing === '' ? '{}' : `templates: ${sharing}\n`;
      writeFileSync(join(policies, `${tenant}.yaml`), text);
    }
    await using keyed = await startKeyed('sqlite', { GOZO_POLICIES: policies });
    /** The hashes of a tenant's prepared runs, up to one that is what was waited for. */
    const until = async (tenant: keyof typeof SHARINGS, isIt: (hash: string) => boolean) => {
      const { key } = await keyed.tenant(tenant);
      const seen = new Set<string>();
      const last = performance.now() + PREPARED_MS_MAX;
      for (let is = false; !is; ) {
        assert.ok(performance.now() < last, `${tenant}: not among ${seen.size}`);
        const [hash = ''] = await untilPrepared({ url: keyed.server.url, key }, 'python');
        is = isIt(hash);
        seen.add(hash);
      }
      return seen;
    };
    const untilTwice = (tenant: keyof typeof SHARINGS) => {
      const once = new Set<string>();
      return until(tenant, (hash) => once.size === once.add(hash).size);
    };
    const [mine, his] = [await untilTwice('mine'), await untilTwice('his')];
    const ours = await untilTwice('ours');
    await until('theirs', (hash) => ours.has(hash));
    const all = new Set([...mine, ...his, ...ours]);
    assert.equal(all.size, mine.size + his.size + ours.size, 'one template served two tenants');
    let left = 3;
    const nobodys = await until('nobodys', () => --left === 0);
    assert.equal(nobodys.size, 3, 'two of them came from one template');
  } finally {
    rmSync(policies, { recursive: true, force: true });
  }
});
