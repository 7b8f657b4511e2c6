import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Attack } from '../corpus.js';
import type { Finding, Verdict } from '../examine.js';
import { htmlOf } from './html.js';
import { jsonOf } from './json.js';
import { areContained, lastLine, type Report } from './summary.js';
import { tableOf } from './table.js';

const attack: Attack = {
  id: 'chroot',
  title: 'Changes its root',
  family: 'escape',
  protection: 'seccomp',
  layers: ['seccomp'],
  language: 'c',
  code: '',
  contained: {},
  succeeds: {},
  twin: { title: 'does not' },
};
const held: Verdict = { kind: 'contained' };
const slipped: Verdict = {
  kind: 'not-contained',
  detail: 'printed <script>alert(1)</script>\u001b[31m\nred',
};
const untried: Verdict = { kind: 'not-applicable', reason: 'architecture', detail: 'only on vax' };
const found = (...verdicts: Verdict[]): Finding[] =>
  verdicts.map((verdict) => ({ attack, verdict, tookMs: 5 }));
const reportOf = (findings: readonly Finding[]): Report => ({
  startedAt: '2026-01-01T00:00:00.000Z',
  tookMs: 1500,
  findings,
  isolation: {
    kernel: '6.1',
    architecture: 'x86_64',
    cgroup: 'v2',
    isolation: { backend: 'native', level: 'full', layers: [], missing: [] },
  },
});

test('the last line counts verdicts, and the reasons of what was not applicable', () => {
  assert.equal(
    lastLine(found(held, held, slipped, untried)),
    '2 contained, 1 not contained, 1 not applicable (1 architecture)',
  );
  assert.equal(lastLine(found(held)), '1 contained, 0 not contained, 0 not applicable');
});

for (const [name, verdicts, expected] of [
  ['all held', [held, held], true],
  ['one slipped', [held, slipped], false],
  ['one was not applicable', [held, untried], true],
  ['nothing was tried', [untried], false],
] as const) {
  test(`${name}: ${expected ? 'a yes' : 'a no'}`, () => {
    assert.equal(areContained(found(...verdicts)), expected);
  });
}

test('the table names what slipped, and no control character of a program gets through', () => {
  const lines = tableOf(reportOf(found(held, slipped)));
  assert.ok(lines.some((line) => line.startsWith('NOT CONTAINED  chroot: Changes its root.')));
  assert.ok(lines.every((line) => !/\p{Cc}/u.test(line)));
  assert.equal(lines.at(-1), '1 contained, 1 not contained, 0 not applicable');
});

test('the page holds what programs print as text, and asks for nothing from elsewhere', () => {
  const page = htmlOf(reportOf(found(held, slipped, untried)));
  assert.ok(page.includes('&lt;script&gt;alert(1)'));
  assert.ok(!/<script|<link|<img|src=|url\(|https?:/i.test(page));
  assert.ok(page.includes('Not every attack held'));
  assert.ok(htmlOf(reportOf(found(held))).includes('Every attack was contained'));
});

test('the document for programs has the same counts and every attack', () => {
  const document = JSON.parse(jsonOf(reportOf(found(held, slipped, untried))));
  assert.deepEqual(document.counts, {
    contained: 1,
    not_contained: 1,
    not_applicable: 1,
    reasons: { architecture: 1 },
  });
  assert.deepEqual(
    document.attacks.map(({ verdict }: { verdict: string }) => verdict),
    ['contained', 'not_contained', 'not_applicable'],
  );
});
