import assert from 'node:assert/strict';
import type { LanguageInfo } from '@gozolite/contract/capabilities';
import type { LanguageFile } from '@gozolite/languages/schema';
import { test } from 'vitest';
import { jsonOf, tableOf } from './report.js';
import type { LanguageFinding, SmokeFinding } from './run-smokes.js';

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
const info: LanguageInfo = {
  id: 'demo',
  name: 'Demo',
  version: '3.2',
  versions: [{ version: '3.2', variants: [], available: true, toolchain }],
  aliases: [],
  extensions: [],
  available: true,
  source: '',
  template: '',
};
const target = { path: 'x/demo.yaml', sha256: 'ab', file, problems: [] };
const smoke = (name: string, ...differences: string[]): SmokeFinding => ({
  name,
  differences,
  status: 'ok',
  totalMs: 12,
});
const good: LanguageFinding = { target, info, missing: undefined, smokes: [smoke('hello')] };

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
  const wrong = { path: 'bad.yaml', sha256: '', file: undefined, problems };
  const missing = 'The toolchain of Demo is missing: /usr/bin/demo not found';
  const table = plain(
    tableOf([
      { target: wrong, info: undefined, missing: undefined, smokes: [] },
      { target, info: { ...info, version: null, available: false }, missing, smokes: [] },
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
