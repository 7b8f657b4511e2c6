import assert from 'node:assert/strict';
import { test } from 'vitest';
import { demoLanguage } from '../demo-language.js';
import { HOST, recipeOf } from '../recipe.js';
import { build } from './build.js';

const file = demoLanguage({
  run: {
    command: ['{tool}', '-B', '{entry}', '{args}'],
    prepare: {
      before: ['/usr/bin/sh', '{boot}/boot.sh', '{tool}'],
      file: 'boot.sh',
      keeps_env: true,
      says_ready: true,
      build: { command: ['/usr/bin/cc', '{tool}', '{source}'], source: 'class {tool} {}' },
      program: 'for x in {built}; do echo $(1) {tool}; done',
    },
  },
});
const toolchain = { version: '3.2.1', paths: { tool: '/usr/bin/demo' } };

function probeOf(exitCode: number) {
  const asked: (readonly string[])[] = [];
  const probe = async (argv: readonly string[]) => {
    asked.push(argv);
    return { exitCode, stdout: 'AbC=\n', stderr: '' };
  };
  return { asked, probe };
}

test('what is built for a toolchain stands in the program, and is built once', async () => {
  const { asked, probe } = probeOf(0);
  const built = await build(file, toolchain, { probe, rootfs: 'host' });
  assert.deepEqual(built, { run: 'AbC=' });
  assert.deepEqual(await build(file, toolchain, { probe, rootfs: 'host' }), built);
  assert.deepEqual(asked, [['/usr/bin/cc', '/usr/bin/demo', 'class {tool} {}']]);
  await build(file, { ...toolchain, version: '4' }, { probe, rootfs: 'host' });
  assert.equal(asked.length, 2);

  const { boot } = recipeOf(file, { ...toolchain, ...(built && { built }) }, HOST).run.launch;
  assert.deepEqual(boot?.command, [
    '/usr/bin/sh',
    '/work/.gozo-boot/boot.sh',
    '/usr/bin/demo',
    '/usr/bin/demo',
    '-B',
  ]);
  assert.equal(boot?.program, 'for x in AbC=; do echo $(1) /usr/bin/demo; done');
  assert.deepEqual([boot?.keeps_env, boot?.says_ready], [['*'], true]);
});

test('what can’t be built boots nothing', async () => {
  const { asked, probe } = probeOf(1);
  assert.equal(await build(file, toolchain, { probe, rootfs: 'host' }), undefined);
  await build(file, toolchain, { probe, rootfs: 'host' });
  assert.equal(asked.length, 2);
  assert.equal(recipeOf(file, toolchain, HOST).run.launch.boot, undefined);
});
