import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoLanguage } from '@gozolite/languages/demo-language';
import { afterEach, beforeEach, test } from 'vitest';
import { UsageError } from '../usage-error.js';
import { readEarlier } from './earlier.js';
import type { Edition } from './editions.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-earlier-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const smoke = { name: 'hello', passed: true, status: 'ok', total_ms: 3, differences: [] };
const row = {
  ...{ sha256: 'file', passed: true, toolchain: { digest: 'tree' }, smokes: [smoke] },
};
const editionOf = (digest: string | undefined): Edition => ({
  file: demoLanguage(),
  ...{ reference: 'demo', pack: undefined, version: '1', available: true, reason: undefined },
  toolchain: { source: 'demo@1', version: '1', ...(digest !== undefined && { digest }) },
});

function write(...languages: readonly unknown[]): string {
  const path = join(folder, 'report.json');
  writeFileSync(path, JSON.stringify({ version: '1.0', languages }));
  return path;
}

test('what passed with the same file and the same tree is known', () => {
  const earlier = readEarlier(write(row), '1.0');
  const known = [{ name: 'hello', status: 'ok', totalMs: 3, differences: [] }];
  assert.deepEqual(earlier('file', editionOf('tree')), known);
});

test('nothing is known of another file, tree or version, of a host, of what did not pass', () => {
  const earlier = readEarlier(write(row), '1.0');
  assert.equal(earlier('other', editionOf('tree')), undefined);
  assert.equal(earlier('file', editionOf('other')), undefined);
  assert.equal(earlier('file', editionOf(undefined)), undefined);
  assert.equal(readEarlier(write(row), '2.0')('file', editionOf('tree')), undefined);
  const failed = readEarlier(write({ ...row, passed: false }), '1.0');
  assert.equal(failed('file', editionOf('tree')), undefined);
  assert.equal(readEarlier(undefined, '1.0')('file', editionOf('tree')), undefined);
});

test('a file that is no report is wrong usage', () => {
  assert.throws(() => readEarlier(join(folder, 'none.json'), '1.0'), UsageError);
  assert.throws(() => readEarlier(write({ id: 'demo' }), '1.0'), UsageError);
});
