import type { Recipe } from '@gozolite/contract/recipe';
import type { SandboxResult } from '@gozolite/sandbox/backend';
import { expect, test } from 'vitest';
import { diagnosticsOf } from './diagnostics.js';

const launch = { digest: 'd', rootfs: 'host', command: ['/usr/bin/x'], env: {} };
const stage = { launch, args: [], env: {}, limits: {} };
const interpreted: Recipe = {
  language: 'any',
  version: '1',
  toolchain: { source: 'host', version: '1' },
  source: 'main',
  run: stage,
  diagnostics: [{ pattern: '^(?<file>\\w+):(?<line>\\d+): (?<message>.+)$' }],
};
const compiled: Recipe = { ...interpreted, compile: stage };

function said(stderr: string, stdout = ''): SandboxResult {
  return {
    outcome: { kind: 'exited', exitCode: 0 },
    usage: { wallUs: 1, cpuUs: 1, memoryKb: 1, stdoutBytes: 1, stderrBytes: 1 },
    limitsHit: [],
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
    truncated: { stdout: false, stderr: false },
    artifacts: [],
    prepareMs: 1,
    prepared: false,
  };
}

const messages = (recipe: Recipe, compile?: SandboxResult, run?: SandboxResult) =>
  diagnosticsOf(recipe, { compile, run }).map(({ message }) => message);

test('a compiler is listened to on both streams, whether it let the program run or not', () => {
  const compile = said('main:1: one\n', 'main:2: two\n');
  expect(messages(compiled, compile)).toEqual(['one', 'two']);
  expect(messages(compiled, compile, said('main:3: three\n'))).toEqual(['one', 'two']);
});

test('an interpreter is listened to on standard error only, and only where the run failed', () => {
  expect(messages(interpreted, undefined, said('main:1: one\n', 'main:2: two\n'))).toEqual(['one']);
  expect(messages(interpreted)).toEqual([]);
});

test('bytes that are no text stop nothing', () => {
  const run = said('');
  const stderr = Buffer.concat([Buffer.from([0xff, 0x0a]), Buffer.from('main:1: one\n')]);
  expect(messages(interpreted, undefined, { ...run, stderr })).toEqual(['one']);
});

test('a language without patterns has none', () => {
  const { diagnostics: _, ...silent } = interpreted;
  expect(messages(silent, undefined, said('main:1: one\n'))).toEqual([]);
});
