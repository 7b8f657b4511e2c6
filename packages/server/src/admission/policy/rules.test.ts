import assert from 'node:assert/strict';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { resolvePolicy } from '@gozolite/tenancy/policy/policy';
import type { PolicyFile } from '@gozolite/tenancy/policy/schema';
import { test } from 'vitest';
import type { Contents } from '../contents.js';
import { priorityFaults, ruleFaults } from './rules.js';

const NETWORK = { allow: [], bytesMax: 1, connectionsMax: 1, timeMsMax: 1 };
const BASE = {
  ...{ limits: limitPolicyFor(2, 4 * 1024 * 1024), network: NETWORK },
  ...{ dataAllow: [], isolationFloor: 'full' as const, counts: true },
};
const rulesOf = (rules: NonNullable<PolicyFile['rules']>) => resolvePolicy(BASE, { rules }).rules;

function code(text: string | Buffer, stdin = ''): Contents {
  return { program: { kind: 'code', content: Buffer.from(text) }, stdin: Buffer.from(stdin) };
}

function files(...names: readonly string[]): Contents {
  const all = names.map((path) => ({ path, content: Buffer.from('x\n'), executable: false }));
  return { program: { kind: 'files', files: all, entry: names[0] ?? '' }, stdin: Buffer.alloc(0) };
}

for (const [name, rules, contents, at] of [
  ['no rule', {}, code('anything'), undefined],
  ['3 bytes of 3', { source_bytes_max: 3 }, code('abc'), undefined],
  ['4 bytes of 3', { source_bytes_max: 3 }, code('abcd'), '/code'],
  ['3 bytes of input of 3', { stdin_bytes_max: 3 }, code('', 'abc'), undefined],
  ['4 bytes of input of 3', { stdin_bytes_max: 3 }, code('', 'abcd'), '/stdin'],
  ['no input at all', { stdin_bytes_max: 0 }, code('', ''), undefined],
  ['2 files of 2', { files_max: 2 }, files('a', 'b'), undefined],
  ['3 files of 2', { files_max: 2 }, files('a', 'b', 'c'), '/files'],
  ['2 lines of 2', { lines_max: 2 }, code('a\nb\n'), undefined],
  ['3 lines of 2', { lines_max: 2 }, code('a\nb\nc'), '/code'],
  ['3 files of a line, 2 lines', { lines_max: 2 }, files('a', 'b', 'c'), '/files'],
  ['a name', { names_refused: ['\\.sh$'] }, files('a', 'x/run.sh'), '/files/1/path'],
  ['another name', { names_refused: ['\\.sh$'] }, files('a', 'run.sh.txt'), undefined],
  ['a pattern', { patterns_refused: ['^import os$'] }, code('x\nimport os\n'), '/code'],
  ['no pattern', { patterns_refused: ['^import os$'] }, code('import os.path'), undefined],
  ['bytes that are no text', { patterns_refused: ['a'] }, code(Buffer.from([0xff, 97])), undefined],
  ['a long line', { patterns_refused: ['b'] }, code('a'.repeat(16_385)), '/code'],
  ['the longest line', { patterns_refused: ['b'] }, code('a'.repeat(16_384)), undefined],
] as const) {
  test(`${name}: ${at === undefined ? 'passes' : `refused at ${at}`}`, () => {
    const faults = ruleFaults(rulesOf(rules as NonNullable<PolicyFile['rules']>), contents);
    assert.equal(faults[0]?.pointer, at);
    if (at !== undefined) assert.equal(faults[0]?.code, 'FORBIDDEN');
  });
}

test('a request waits no further ahead than its policy lets it', () => {
  const own = resolvePolicy(BASE, { priority: { max: -1 } });
  assert.deepEqual(own.priority, { default: -1, max: -1 });
  assert.deepEqual(priorityFaults(own, undefined), []);
  assert.deepEqual(priorityFaults(own, -1), []);
  assert.equal(priorityFaults(own, 0)[0]?.pointer, '/priority');
  assert.deepEqual(priorityFaults(resolvePolicy(BASE, {}), 10), []);
});

test('what takes too long to look through is refused, not let by', () => {
  const rules = rulesOf({ patterns_refused: ['(a|b|ab)*c'] });
  const text = `${'ab'.repeat(8000)}\n`.repeat(200);
  const startedMs = performance.now();
  assert.match(ruleFaults(rules, code(text))[0]?.detail ?? '', /too much to look through/);
  assert.ok(performance.now() - startedMs < 10_000);
});
