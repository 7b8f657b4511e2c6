import assert from 'node:assert/strict';
import type { Execution } from '@gozolite/contract/execution';
import { test } from 'vitest';
import { differencesOf } from './differences.js';
import type { Expectation } from './schema.js';

/** The members of a record that are compared. */
const record = { status: 'ok', stdout: 'hello\n', stderr: '', exit_code: 0, signal: null };
const differences = (expected: Expectation, actual: object) =>
  differencesOf(expected, { ...record, ...actual } as unknown as Execution);

test('what is as expected differs in nothing', () => {
  assert.deepEqual(differences({ status: 'ok', exit_code: 0, stdout: 'hello\n' }, {}), []);
});

const rows: readonly (readonly [string, Partial<Expectation>, object, RegExp])[] = [
  ['a status', {}, { status: 'failed' }, /^status: expected "ok", got "failed"$/],
  ['an exit code', { exit_code: 7 }, {}, /^exit_code: expected 7, got 0$/],
  ['a blank too many', { stdout: 'hello \n' }, {}, /" \\n", got "\\n" from byte 5 on \(7 and 6/],
  ['an end of line too few', { stdout: 'hello\n\n' }, {}, /expected "\\n", got "" from byte 6/],
  [
    'bytes that are no text',
    { stdout: 'é' },
    { stdout: Buffer.from([0xe9]).toString('base64'), stdout_encoding: 'base64' },
    /^stdout: expected "é"/,
  ],
  [
    'one line of many',
    { stdout_repeat: { text: 'a\n', times: 2 } },
    { stdout: 'a\na' },
    /\(4 and 3/,
  ],
  ['a digest', { stdout_sha256: '0'.repeat(64) }, {}, /^SHA-256 of stdout: expected "0{64}"/],
  [
    'an empty artifact',
    { artifacts: ['a.png image/png'] },
    { artifacts: [{ path: 'a.png', bytes: 0, media_type: 'image/png' }] },
    /^artifacts: expected "a\.png image\/png", got ""$/,
  ],
  ['a pattern', { stderr_pattern: 'boom' }, {}, /^stderr: expected \/boom\/m in ""$/],
];
for (const [name, expected, actual, says] of rows) {
  test(`${name} that differs is told`, () => {
    const [difference = ''] = differences({ status: 'ok', ...expected }, actual);
    assert.match(difference, says);
  });
}

test('repetitions and digests that are right differ in nothing', () => {
  const stdout_repeat = { text: 'hello\n', times: 1 };
  const stdout_sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';
  assert.deepEqual(differences({ status: 'ok', stdout_repeat, stdout_sha256 }, {}), []);
});
