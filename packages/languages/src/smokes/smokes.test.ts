import assert from 'node:assert/strict';
import { test } from 'vitest';
import { demoLanguage } from '../demo-language.js';
import type { SmokeFile } from './schema.js';
import { smokesOf } from './smokes.js';

const named = (change: object, name: string) =>
  smokesOf(demoLanguage(change)).find((smoke) => smoke.name === name);

test('a standard program brings input and answer; what the file says goes first', () => {
  const smokes = {
    arguments: { code: 'a' },
    exit_code: { code: 'b', expect: { status: 'runtime_error', exit_code: 3 } },
  } as const;
  assert.deepEqual(named({ smokes }, 'arguments'), {
    name: 'arguments',
    request: { code: 'a', args: ['one two', '--flag', '-v', 'é'] },
    expect: { status: 'ok', stdout: 'one two\n--flag\n-v\né\n' },
  });
  assert.equal(named({ smokes }, 'exit_code')?.expect.exit_code, 3);
});

test('a repeated standard input is made when it is asked for', () => {
  const stdin_repeat = { text: 'ab\n', times: 3 };
  const smokes = { echo: { code: 'a', stdin_repeat, expect: { status: 'ok' } } } as const;
  assert.equal(named({ smokes }, 'echo')?.request.stdin, 'ab\nab\nab\n');
});

test("an own standard input takes the place of the standard one's repetition", () => {
  const smokes = { stdin_big: { code: 'a', stdin: '5\n' } } as const;
  assert.equal(named({ smokes }, 'stdin_big')?.request.stdin, '5\n');
});

test('the program that adds lines adds a mebibyte of them, in a complete language', () => {
  const smokes = { stdin: { code: 'add' } } as const;
  const big = named({ smokes, depth: 'core', not_applicable: {} }, 'stdin_big');
  assert.equal(big?.request.code, 'add');
  assert.equal(big?.request.stdin?.length, 2 ** 20);
  assert.equal(big?.expect.stdout, '16384\n');
  assert.equal(named({ smokes, not_applicable: {} }, 'stdin_big'), undefined);
});

test('a program that does something else with its lines has to say what', () => {
  const smokes = { stdin: { code: 'x', expect: { status: 'ok', stdout: '' } } } as const;
  assert.equal(named({ smokes, depth: 'core', not_applicable: {} }, 'stdin_big'), undefined);
});

test('a program of a variant runs with it, beside all others, and never without', () => {
  const smokes: Record<string, SmokeFile> = {
    echo: { code: 'a', expect: { status: 'ok' } },
    plots: { code: 'b', variant: 'data', artifacts: ['*.png'], expect: { status: 'ok' } },
  };
  const names = (variant?: string) =>
    smokesOf(demoLanguage({ smokes }), variant).map(({ name }) => name);
  assert.deepEqual(
    [undefined, 'data', 'more'].map((variant) => names(variant).includes('plots')),
    [false, true, false],
  );
  assert.ok(names('data').includes('echo'));
  const plots = smokesOf(demoLanguage({ smokes }), 'data').find(({ name }) => name === 'plots');
  assert.deepEqual(plots?.request, { code: 'b', artifacts: ['*.png'] });
});
