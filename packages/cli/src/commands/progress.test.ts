import assert from 'node:assert/strict';
import type { Attack } from '@gozolite/attacks/corpus';
import type { Finding } from '@gozolite/attacks/examine';
import { test } from 'vitest';
import { createProgress } from './progress.js';

const attack: Attack = {
  id: 'fork-bomb',
  title: 'Forks',
  family: 'processes',
  protection: 'pids-limit',
  layers: ['pids-limit'],
  language: 'bash',
  code: '',
  contained: {},
  succeeds: {},
  twin: { title: 'does not' },
};
const done: readonly Finding[] = [{ attack, verdict: { kind: 'contained' }, tookMs: 12 }];

test('without a terminal each finding is a plain line, told once', () => {
  let text = '';
  const progress = createProgress({ write: (part) => (text += part) }, 2);
  progress.show([], attack);
  progress.show(done, attack);
  progress.show(done, undefined);
  progress.end();
  assert.equal(text, '1/2 fork-bomb: contained (12 ms)\n');
});

test('on a terminal one line is drawn anew, no wider than it is, and cleared at the end', () => {
  const parts: string[] = [];
  const output = { isTTY: true, columns: 40, write: (part: string) => parts.push(part) };
  const progress = createProgress(output, 2);
  progress.show(done, attack);
  progress.end();
  assert.equal(parts.length, 2);
  assert.match(parts[0] ?? '', /█{15}░{15} 1\/2/);
  assert.ok((parts[0] ?? '').replace(/^.*\[G/, '').length <= 40);
  assert.ok(!parts.join('').includes('\n'));
});
