import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@gozolite/telemetry/logger';
import { afterEach, beforeEach, test } from 'vitest';
import { readInstalled } from './installed.js';
import { existsInTree } from './tree.js';
import { watchPacks } from './watch.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const DIGEST = 'ab'.repeat(32);
const GOOD = { language: 'demo', version: '1.2', variant: null, digest: DIGEST };

function put(name: string, content: unknown): void {
  mkdirSync(join(folder, 'installed'), { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  writeFileSync(join(folder, 'draft'), text);
  renameSync(join(folder, 'draft'), join(folder, 'installed', `${name}.json`));
}

function putTree(digest = DIGEST): string {
  mkdirSync(join(folder, 'trees', digest, 'usr/bin'), { recursive: true });
  return join(folder, 'trees', digest);
}

test('a pack is read where its tree is there; nothing at all is no problem', () => {
  assert.deepEqual(readInstalled(folder), { packs: [], problems: [] });
  putTree();
  put('demo@1.2', { ...GOOD, name: 'demo@1.2', bytes: 1, files: 1, packages: [] });
  put('demo@1.2+data', { ...GOOD, name: 'demo@1.2+data', variant: 'data' });
  const { packs, problems } = readInstalled(folder);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    packs.map(({ name, variant }) => [name, variant]),
    [
      ['demo@1.2+data', 'data'],
      ['demo@1.2', null],
    ],
  );
});

const broken: readonly (readonly [string, unknown, RegExp])[] = [
  ['no JSON', '{', /JSON/],
  ['nothing', '', /JSON/],
  ['a list', [], /lacks/],
  ['null', null, /lacks/],
  ['another name', { ...GOOD, name: 'other@1.2' }, /names other@1\.2/],
  ['another version', { ...GOOD, name: 'demo@1.2', version: '1.3' }, /not made of/],
  ['a variant', { ...GOOD, name: 'demo@1.2', variant: 'x' }, /not made of/],
  ['a digest that is a path', { ...GOOD, name: 'demo@1.2', digest: '../../etc' }, /lacks/],
  ['a tree that is not there', { ...GOOD, name: 'demo@1.2', digest: 'cd'.repeat(32) }, /tree/],
];
for (const [what, content, reason] of broken) {
  test(`a file with ${what} is refused with its reason, and no other`, () => {
    putTree();
    put('demo@1.2', content);
    put('fine@1', { ...GOOD, name: 'fine@1', language: 'fine', version: '1' });
    const { packs, problems } = readInstalled(folder);
    assert.deepEqual(
      packs.map(({ name }) => name),
      ['fine@1'],
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.reason ?? '', reason);
  });
}

test('links lead where they lead in the sandbox: never to a file of the host', () => {
  const tree = putTree();
  writeFileSync(join(tree, 'usr/bin/real'), '');
  mkdirSync(join(tree, 'etc/alternatives'), { recursive: true });
  symlinkSync('/etc/alternatives/demo', join(tree, 'usr/bin/demo'));
  symlinkSync('/usr/bin/real', join(tree, 'etc/alternatives/demo'));
  symlinkSync('../../../../../usr/bin/real', join(tree, 'usr/bin/up'));
  symlinkSync('/bin/real', join(tree, 'usr/bin/merged'));
  symlinkSync('/usr/bin/env', join(tree, 'usr/bin/host'));
  symlinkSync('loop', join(tree, 'usr/bin/loop'));
  const exists = (path: string) => existsInTree(tree, path);
  for (const name of ['real', 'demo', 'up', 'merged']) assert.ok(exists(`/usr/bin/${name}`), name);
  for (const path of ['/bin/real', '/usr/../usr/bin/real', '/usr']) assert.ok(exists(path), path);
  for (const name of ['host', 'loop', 'none']) assert.ok(!exists(`/usr/bin/${name}`), name);
  assert.ok(!exists('/etc/passwd') && !exists('/usr/bin/real/x'));
});

const log = createLogger({ level: 'silent', to: 'stdout' });

for (const [how, pollMs] of [
  ['by an event', 3_600_000],
  ['by the poll', 5],
] as const) {
  test(`what comes and goes is seen ${how}`, async () => {
    putTree();
    mkdirSync(join(folder, 'installed'));
    using watch = watchPacks({ folder, log, pollMs });
    const change = () => new Promise<void>((resolve) => watch.onChange(resolve));
    assert.deepEqual(watch.installed(), []);
    const came = change();
    put('demo@1.2', { ...GOOD, name: 'demo@1.2' });
    await came;
    assert.deepEqual(
      watch.installed().map(({ digest }) => digest),
      [DIGEST],
    );
    const gone = change();
    rmSync(join(folder, 'installed/demo@1.2.json'));
    await gone;
    assert.deepEqual(watch.installed(), []);
  });
}

test('a folder that is made later is seen by the poll', async () => {
  using watch = watchPacks({ folder: join(folder, 'later'), log, pollMs: 5 });
  const came = new Promise<void>((resolve) => watch.onChange(resolve));
  putTree();
  put('demo@1.2', { ...GOOD, name: 'demo@1.2' });
  mkdirSync(join(folder, 'later'));
  renameSync(join(folder, 'trees'), join(folder, 'later/trees'));
  renameSync(join(folder, 'installed'), join(folder, 'later/installed'));
  await came;
  assert.equal(watch.installed().length, 1);
});
