import assert from 'node:assert/strict';
import type { LanguageFile } from '@gozolite/languages/schema';
import { test } from 'vitest';
import type { Edition } from './editions.js';
import { markdownOf } from './markdown.js';
import { jsonOf, tableOf } from './report.js';
import type { LanguageFinding } from './run-smokes.js';
import type { SmokeFinding } from './smoke-finding.js';

const file: LanguageFile = {
  id: 'demo',
  name: 'Demo',
  aliases: [],
  extensions: ['.demo'],
  source: 'main.demo',
  toolchain: {
    candidates: [{ tool: '/usr/bin/demo' }],
    version: { command: ['{tool}'], pattern: '(.)' },
  },
  packages: {},
  run: { command: ['{tool}'] },
  template: '',
  smokes: {},
  not_applicable: { threads: 'one thread' },
};
const toolchain = { source: 'host', version: '3.2' };
const edition: Edition = {
  file,
  reference: 'demo',
  pack: undefined,
  version: '3.2',
  toolchain,
  available: true,
  reason: undefined,
};
const target = { path: 'x/demo.yaml', isNamedFile: true, sha256: 'ab', file, problems: [] };
const smoke = (name: string, ...differences: string[]): SmokeFinding => ({
  name,
  differences,
  status: 'ok',
  totalMs: 12,
});
const good: LanguageFinding = {
  target,
  edition,
  missing: undefined,
  smokes: [smoke('hello')],
};

const plain = (lines: readonly string[]) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of the terminal
  lines.map((line) => line.replace(/\u001b\[\d+m/g, ''));

test('a row has a mark for each standard program, and counts the others', () => {
  const smokes = [smoke('hello'), smoke('stdin', 'stdout: other'), smoke('mine')];
  const table = plain(tableOf([{ ...good, smokes }]));
  assert.ok(table.includes('demo      3.2      ✓ · ✗ · · · · · · · · · · · · · –  1/1'));
  assert.deepEqual(table.slice(-4), [
    'demo',
    '  stdin: stdout: other',
    '',
    '0 of 1 languages passed, 2 of 3 programs as expected',
  ]);
});

test('a wrong file shows its lines, a missing toolchain what was looked for', () => {
  const problems = [{ file: 'bad.yaml', line: 7, message: 'nmae: unknown key' }];
  const wrong = { ...target, path: 'bad.yaml', file: undefined, problems };
  const missing = 'The toolchain of Demo is missing: /usr/bin/demo not found';
  const table = plain(
    tableOf([
      { target: wrong, edition: undefined, missing: undefined, smokes: [] },
      { target, edition: { ...edition, version: null, available: false }, missing, smokes: [] },
    ]),
  );
  assert.ok(table.includes('bad.yaml           the file is wrong'));
  assert.ok(table.includes('  bad.yaml:7: nmae: unknown key'));
  assert.ok(table.includes('demo               its toolchain is missing'));
  assert.ok(table.includes(`  ${missing}`));
});

test('JSON has versions, digests and every program', () => {
  const report = JSON.parse(jsonOf('0.1.0', [good]));
  assert.equal(report.passed, 1);
  assert.equal(report.failed, 0);
  const [language] = report.languages;
  assert.equal(language.sha256, 'ab');
  assert.deepEqual(language.toolchain, toolchain);
  assert.deepEqual(language.smokes, [
    { name: 'hello', passed: true, status: 'ok', total_ms: 12, differences: [] },
  ]);
});

test('a page has a row for each pack, with its tree, and says below what differed', () => {
  const pack = {
    ...{ name: 'demo@3', language: 'demo', version: '3', variant: null, digest: 'c0'.repeat(32) },
    ...{ bytes: 57_400_000, files: 9, built_at: '', packages: [] },
    build: { ms: 12_340, new_bytes: 1_250_000 },
  };
  const packed = { ...edition, reference: pack.name, pack };
  const smokes = [smoke('hello'), smoke('stdin', 'stdout: | differs')];
  const page = markdownOf('0.1.0', [good, { ...good, edition: packed, smokes }]).split('\n');
  assert.ok(page.includes('| demo | 3.2 |  | 1/1 |  | threads |  |  |  |'));
  const digest = '`c0c0c0c0c0c0`';
  const row = `| demo@3 | 3.2 | ${digest} | 1/2 | stdin | threads | 57 | 1.3 | 12.3 |`;
  assert.ok(page.includes(row), page.join('\n'));
  assert.ok(page.includes('- demo@3, stdin: stdout: \\| differs'));
  assert.ok(page.some((line) => line.startsWith('GozoLite 0.1.0: **1 of 2** rows passed')));
});
