import assert from 'node:assert/strict';
import { test } from 'vitest';
import { demoLanguage } from './demo-language.js';
import { canonicalJson, HOST, recipeOf, SANDBOX_ENV } from './recipe.js';

const detected = { version: '3.2.1', paths: { tool: '/usr/bin/demo', library: '/usr/lib/demo' } };
const file = demoLanguage({
  env: { DEMO_LIB: '{library}', HOME: '/work' },
  compile: {
    command: ['/usr/bin/sh', '-c', '{script}', 'sh', '{entry}', '-I', '{library}', '{args}'],
    script: 'echo {entry} "{$1}"',
    limits: { memory_kb: 1_000_000 },
  },
  run: { command: ['{tool}', '-B', '{entry}', '-v', '{args}'], env: { HEAP: '{memory_mb}' } },
});

test('the command ends before the first element that a request decides', () => {
  const { run } = recipeOf(file, detected, HOST);
  assert.deepEqual(run.launch.command, ['/usr/bin/demo', '-B']);
  assert.deepEqual(run.args, ['{entry}', '-v', '{args}']);
});

test('a script is taken verbatim, braces and all, and its paths are filled in', () => {
  const { compile } = recipeOf(file, detected, HOST);
  assert.deepEqual(compile?.launch.command, ['/usr/bin/sh', '-c', 'echo {entry} "{$1}"', 'sh']);
  assert.deepEqual(compile?.args, ['{entry}', '-I', '/usr/lib/demo', '{args}']);
  assert.deepEqual(compile?.limits, { memory_kb: 1_000_000 });
});

test('the environment is the sandbox’s, then the file’s, then the stage’s', () => {
  const { run } = recipeOf(file, detected, HOST);
  const fixed = { ...SANDBOX_ENV, HOME: '/work', DEMO_LIB: '/usr/lib/demo' };
  assert.deepEqual(run.launch.env, fixed);
  assert.deepEqual(run.env, { HEAP: '{memory_mb}' });
});

test('what is made once lies where the host’s says, and nowhere in a pack', () => {
  const cache = { command: ['{tool}'], script: 'build' };
  const run = { command: ['{tool}', '--cache={cache}', '{entry}'], env: { CACHE: '{cache}' } };
  const command = (change: object) =>
    recipeOf({ ...file, cache, run }, { ...detected, ...change }, HOST).run.launch;
  const { command: words, env } = command({ cache: '/var/cache/x' });
  assert.deepEqual([words[1], env.CACHE], ['--cache=/var/cache/x', '/var/cache/x']);
  assert.equal(command({}).command[1], '--cache=');
});

test('a digest tells recipes apart and nothing else', () => {
  const digest = (change: object, paths = detected.paths) =>
    recipeOf({ ...file, ...change }, { version: '3', paths }, HOST).run.launch.digest;
  assert.match(digest({}), /^[0-9a-f]{64}$/);
  assert.equal(digest({}), digest({ name: 'Other', aliases: [] }));
  assert.notEqual(digest({}), digest({ env: { A: 'b' } }));
  assert.notEqual(digest({}), digest({}, { tool: '/usr/local/bin/demo', library: '/usr/x' }));
});

test('canonical JSON sorts keys at every depth', () => {
  assert.equal(
    canonicalJson({ b: [{ d: 1, c: 'x' }], a: null }),
    '{"a":null,"b":[{"c":"x","d":1}]}',
  );
});

test('a pack is another root, and its name and digest are the toolchain’s', () => {
  const place = { rootfs: 'ab'.repeat(32), source: 'demo@3.2', digest: 'ab'.repeat(32) };
  const { run, compile, toolchain } = recipeOf(file, detected, place);
  assert.deepEqual(
    [run, compile].map((stage) => stage?.launch.rootfs),
    [place.rootfs, place.rootfs],
  );
  const { source, digest } = place;
  assert.deepEqual(toolchain, { source, version: '3.2.1', digest });
  assert.notEqual(run.launch.digest, recipeOf(file, detected, HOST).run.launch.digest);
});

test('libraries are loaded ahead where the place has them', () => {
  const program = 'wait()';
  const prepare = {
    ...{ file: 'boot', program, keeps_env: ['DEMO*'] },
    loads: [
      { lines: ['import all'], program: 'load(all)' },
      { variant: 'data', lines: ['import data'], program: 'load(data)' },
    ],
  };
  const whole = demoLanguage({ run: { command: ['{tool}', '{entry}'], prepare } });
  const loadsIn = (variant: string | null) =>
    recipeOf(whole, detected, { ...HOST, variant }).run.loads?.map(
      ({ lines, launch }) => `${lines} ${launch.boot?.program}`,
    );
  const all = 'import all load(all)\nwait()';
  assert.deepEqual(loadsIn('data'), [all, 'import data load(data)\nwait()']);
  assert.deepEqual(loadsIn(null), [all]);
  const { launch, loads } = recipeOf(whole, detected, HOST).run;
  assert.equal(launch.boot?.program, program);
  assert.deepEqual(launch.boot?.keeps_env, ['GLIBC_TUNABLES', 'LD_*', 'MALLOC_*', 'DEMO*']);
  assert.notEqual(launch.digest, loads?.[0]?.launch.digest);
});

test('what is held is told its program, wherever that stands, and nothing else', () => {
  const command = ['{tool}', '-batch', '{args}', ':memory:', ".read '{entry}'"];
  const file = demoLanguage({ run: { command, holds: 'program' } });
  const { launch, args } = recipeOf(file, detected, HOST).run;
  assert.deepEqual(args, ['{args}', ':memory:', ".read '{entry}'"]);
  const { command: booted, ...boot } = launch.boot ?? {};
  assert.deepEqual(booted, launch.command);
  assert.deepEqual(boot, {
    ...{ args: 2, opens: 1, keeps_env: ['*'], env: launch.env, holds: 'program' },
  });
});
