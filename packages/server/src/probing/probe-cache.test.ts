import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { openProbeCache } from './probe-cache.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'probe-cache-'));
  writeFileSync(join(folder, 'tool'), 'one');
});
afterEach(() => rmSync(folder, { recursive: true }));

function asker() {
  const asked: string[] = [];
  const probe = async (argv: readonly string[]) => {
    asked.push(argv.join(' '));
    return { exitCode: 0, stdout: `answer ${asked.length}`, stderr: '' };
  };
  return { asked, probe };
}

test('the next start answers from the file, and a changed tool is asked again', async () => {
  const file = join(folder, 'sub', 'detection.json');
  const argv = [join(folder, 'tool'), '--version'];
  const first = openProbeCache(file, asker().probe);
  assert.equal((await first.probe(argv, {}, 'host'))?.stdout, 'answer 1');
  first.save();

  const { asked, probe } = asker();
  assert.equal((await openProbeCache(file, probe).probe(argv, {}, 'host'))?.stdout, 'answer 1');
  assert.deepEqual(asked, []);
  await openProbeCache(file, probe).probe(argv, { OTHER: 'environment' }, 'host');
  assert.equal(asked.length, 1);
  writeFileSync(join(folder, 'tool'), 'another');
  await openProbeCache(file, probe).probe(argv, {}, 'host');
  assert.equal(asked.length, 2);
});

test('once distrusted it asks, and keeps the new answer', async () => {
  const file = join(folder, 'detection.json');
  const argv = [join(folder, 'tool')];
  const { probe } = asker();
  const cache = openProbeCache(file, probe);
  await cache.probe(argv, {}, 'host');
  cache.save();
  const next = openProbeCache(file, probe);
  next.distrust();
  assert.equal((await next.probe(argv, {}, 'host'))?.stdout, 'answer 2');
});

for (const content of [
  '',
  '{',
  '{}',
  '[1,["x"],["x",{"files":1}],["x",{"files":"","printed":{}}]]',
]) {
  test(`a file that holds ${JSON.stringify(content)} is an empty memory`, async () => {
    const file = join(folder, 'detection.json');
    writeFileSync(file, content);
    const { asked, probe } = asker();
    await openProbeCache(file, probe).probe(['x'], {}, 'host');
    assert.equal(asked.length, 1);
  });
}

test('what could not be asked is not remembered', async () => {
  const file = join(folder, 'detection.json');
  const cache = openProbeCache(file, async () => null);
  assert.equal(await cache.probe(['x'], {}, 'host'), null);
  cache.save();
  const { asked, probe } = asker();
  await openProbeCache(file, probe).probe(['x'], {}, 'host');
  assert.equal(asked.length, 1);
});

test('what a pack answered is known by its digest, and never doubted', async () => {
  const file = join(folder, 'detection.json');
  const { asked, probe } = asker();
  const cache = openProbeCache(file, probe);
  const argv = ['/usr/bin/demo', '--version'];
  const [one, other] = ['a'.repeat(64), 'b'.repeat(64)];
  for (const rootfs of [one, other, one]) await cache.probe(argv, {}, rootfs);
  cache.distrust();
  await cache.probe(argv, {}, other);
  assert.equal(asked.length, 2);
  cache.save();
  await openProbeCache(file, probe).probe(argv, {}, one);
  await openProbeCache(file, probe).probe(argv, {}, 'host');
  assert.equal(asked.length, 3);
});

test('of the host it asks again what it was told to doubt, once', async () => {
  const { asked, probe } = asker();
  const argv = [join(folder, 'tool')];
  const cache = openProbeCache(join(folder, 'detection.json'), probe);
  await cache.probe(argv, {}, 'host');
  cache.distrust();
  await cache.probe(argv, {}, 'host');
  await cache.probe(argv, {}, 'host');
  assert.equal(asked.length, 2);
});
