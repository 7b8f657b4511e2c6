import assert from 'node:assert/strict';
import { test } from 'vitest';
import { demoLanguage } from './demo-language.js';
import { compareVersions, detect } from './detect.js';
import type { Probe } from './offers/probe.js';

const language = demoLanguage({
  toolchain: {
    candidates: [
      { tool: '/usr/local/bin/demo', library: '/usr/local/lib/demo' },
      { tool: '/usr/bin/demo', library: '/usr/lib/demo' },
      { tool: '/usr/bin/demo-old', library: '/usr/lib/demo' },
    ],
    requires: ['{library}/core'],
    version: { command: ['{tool}', '--version'], pattern: 'demo (\\d+\\.\\d+)' },
    at_least: '2.0',
    below: '4',
  },
});
const everything = () => true;
const says =
  (...lines: readonly string[]): Probe =>
  async ([tool = '']) => {
    const line = lines.find((one) => one.startsWith(`${tool}: `));
    return { exitCode: 0, stdout: '', stderr: line ?? '' };
  };

test('the first candidate of each version is found, the best first', async () => {
  const probe = says(
    '/usr/local/bin/demo: demo 3.2',
    '/usr/bin/demo: demo 3.2',
    '/usr/bin/demo-old: demo 2.0',
  );
  const detection = await detect(language, { probe, exists: everything, rootfs: 'host' });
  assert.equal(detection.kind, 'found');
  const found = detection.kind === 'found' ? detection.toolchains : [];
  assert.deepEqual(
    found.map(({ version, paths }) => [version, paths.tool]),
    [
      ['3.2', '/usr/local/bin/demo'],
      ['2.0', '/usr/bin/demo-old'],
    ],
  );
});

test('a candidate without one of its files is not asked', async () => {
  const asked: string[] = [];
  const probe: Probe = async ([tool = '']) => {
    asked.push(tool);
    return { exitCode: 0, stdout: 'demo 3.0', stderr: '' };
  };
  const exists = (path: string) => path !== '/usr/lib/demo/core';
  await detect(language, { probe, exists, rootfs: 'host' });
  assert.deepEqual(asked, ['/usr/local/bin/demo']);
});

const refusals = [
  { name: 'too old', line: 'demo 1.9', reason: 'found 1.9, at least 2.0 is needed' },
  { name: 'too new', line: 'demo 4.0', reason: 'found 4.0, one below 4 is needed' },
  { name: 'wordless', line: '?', reason: '/usr/bin/demo --version ended with 0 and no version' },
];
for (const { name, line, reason } of refusals) {
  test(`a toolchain that is ${name} counts as missing, and the reason says so`, async () => {
    const probe = says(`/usr/bin/demo: ${line}`);
    const exists = (path: string) => !path.includes('local') && !path.includes('old');
    assert.deepEqual(await detect(language, { probe, exists, rootfs: 'host' }), {
      kind: 'missing',
      reason,
    });
  });
}

test('the reason names the files that the nearest candidate lacks', async () => {
  const exists = (path: string) => path.startsWith('/usr/bin');
  assert.deepEqual(await detect(language, { probe: says(), exists, rootfs: 'host' }), {
    kind: 'missing',
    reason: '/usr/lib/demo, /usr/lib/demo/core not found',
  });
});

test('no sandbox to ask in says nothing about the toolchain', async () => {
  const detection = await detect(language, {
    probe: async () => null,
    exists: everything,
    rootfs: 'host',
  });
  assert.equal(detection.kind, 'not-asked');
});

test('the probe gets the environment of the sandbox and of the file', async () => {
  let seen: Readonly<Record<string, string>> = {};
  const probe: Probe = async (_, env) => {
    seen = env;
    return null;
  };
  await detect(
    { ...language, env: { LIB: '{library}' } },
    { probe, exists: everything, rootfs: 'host' },
  );
  assert.equal(seen.HOME, '/tmp');
  assert.equal(seen.LIB, '/usr/lib/demo');
});

test('versions are compared number by number', () => {
  assert.ok(compareVersions('3.9', '3.10') < 0);
  assert.ok(compareVersions('3.10.1', '3.10') > 0);
  assert.equal(compareVersions('12', '12.0.0'), 0);
});
