import assert from 'node:assert/strict';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { StageRecipe } from '@gozolite/contract/recipe';
import { test } from 'vitest';
import { type ExpandInput, expandArgs } from './expand.js';

const input: ExpandInput = {
  entry: 'src/main.c',
  files: ['lib/a.c', 'src/main.c', 'lib/a.h', 'b.cc'],
  args: ['one two', '{entry}'],
  limits: { ...limitPolicyFor(4, 16 * 1024 * 1024).run.defaults, cpus: 2 },
};

function stage(args: readonly string[], env: Record<string, string> = {}): StageRecipe {
  const launch = { digest: '', rootfs: 'host', command: ['/usr/bin/x'], env: {} };
  return { launch, args, env, limits: {} };
}

const rows: readonly (readonly [string, readonly string[], readonly string[], object?])[] = [
  ['text stays what it is', ['-x', '{ }', '$a', '{}'], ['-x', '{ }', '$a', '{}']],
  ['arguments are spliced and never expanded', ['{args}'], ['one two', '{entry}']],
  ['the entry', ['{entry}', '-o{entry}'], ['src/main.c', '-osrc/main.c']],
  ['its stem keeps the folder', ['{entry_stem}.js'], ['src/main.js']],
  ['a stem of a file without an extension', ['{entry_stem}'], ['a/b'], { entry: 'a/b' }],
  ['a stem of a hidden file', ['{entry_stem}'], ['a/.b'], { entry: 'a/.b' }],
  ['its folder', ['{entry_folder}'], ['./src']],
  ['the folder of a file at the top', ['{entry_folder}'], ['.'], { entry: 'main.go' }],
  ['files: the entry comes first', ['{files:.c}'], ['src/main.c', 'lib/a.c']],
  ['files of several extensions', ['{files:.c,.cc}'], ['src/main.c', 'lib/a.c', 'b.cc']],
  ['the entry is among them whatever it is called', ['{files:.cc}'], ['src/main.c', 'b.cc']],
  ['no name is taken for an option', ['{entry}'], ['./-c'], { entry: '-c' }],
  ['nor for an argument file', ['{files:.c}'], ['./@a.c'], { entry: '@a.c', files: ['@a.c'] }],
  ['braces of a name stay', ['{entry} {cpus}'], ['{cpus} 2'], { entry: '{cpus}' }],
  ['a default that nobody overrides', ['{default:--edition=2021}'], ['--edition=2021']],
  ['one overridden', ['{default:--a=1}'], [], { args: ['--a=2'] }],
  ['one overridden in two words', ['{default:--a=1}'], [], { args: ['--a', '2'] }],
  ['another option overrides nothing', ['{default:--a=1}'], ['--a=1'], { args: ['--ab=2'] }],
  ['CPUs', ['-j{cpus}'], ['-j2']],
  ['memory in MiB', ['{memory_mb}m'], ['256m']],
  ['memory in KiB and stack', ['{memory_kb} {stack_kb}'], ['262144 262144']],
  ['a share', ['{memory_mb share=0.6 leave=64 least=16}'], ['153']],
  ['what must be left counts where it is more', ['{memory_mb share=0.9 leave=64}'], ['192']],
];
for (const [name, templates, expected, change] of rows) {
  test(name, () => {
    const { args } = expandArgs(stage(templates), { ...input, ...change });
    assert.deepEqual(args, expected);
  });
}

test('a heap is never under its least, however small the limit', () => {
  const limits = { ...input.limits, memory_kb: 32 * 1024 };
  const { args } = expandArgs(stage(['{memory_mb share=0.6 leave=64 least=16}']), {
    ...input,
    limits,
  });
  assert.deepEqual(args, ['16']);
});

test('the environment is expanded too', () => {
  const { env } = expandArgs(stage([], { GOMEMLIMIT: '{memory_mb share=0.5}MiB' }), input);
  assert.deepEqual(env, { GOMEMLIMIT: '128MiB' });
});
