import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'vitest';
import { stringify } from 'yaml';
import { demoLanguage } from './demo-language.js';
import type { Probe } from './offers/probe.js';
import { openRegistry } from './registry.js';
import type { LanguageFile } from './schema.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function folderOf(files: Record<string, LanguageFile | string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'languages-'));
  folders.push(folder);
  for (const [name, file] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof file === 'string' ? file : stringify(file));
  }
  return folder;
}

const probe: Probe = async () => ({ exitCode: 0, stdout: 'demo 3.11.2\n', stderr: '' });
const other = (change: Partial<LanguageFile>) =>
  demoLanguage({ id: 'other', aliases: [], piston: [], judge0: [], extensions: ['.o'], ...change });

async function open(
  files: readonly Record<string, LanguageFile | string>[],
  change: { probe?: Probe; exists?: (path: string) => boolean } = {},
) {
  const places = await Promise.all(files.map(folderOf));
  return openRegistry({ folders: places, probe, exists: () => true, ...change });
}

test('a language answers to each of its names, in any case, and to versions that fit', async () => {
  const registry = await open([{ 'demo.yaml': demoLanguage() }]);
  const names = ['demo', 'DM', 'demo-lang', '9001', 'demo@3', 'dm@3.11', 'demo@3.11.2'];
  for (const name of names) {
    const resolution = registry.resolve(name);
    assert.equal(resolution.kind, 'available', name);
    if (resolution.kind === 'available') assert.equal(resolution.recipe.version, '3.11.2');
  }
});

test('a version or a variant that is not there is refused with those that are', async () => {
  const registry = await open([{ 'demo.yaml': demoLanguage() }]);
  for (const name of ['demo@3.1', 'demo@4', 'demo+data', 'demo@3+data']) {
    assert.deepEqual(registry.resolve(name), {
      kind: 'unknown-version',
      language: 'demo',
      known: ['3.11.2'],
    });
  }
});

test('an unknown name gives the nearest ones', async () => {
  const registry = await open([{ 'demo.yaml': demoLanguage(), 'other.yaml': other({}) }]);
  assert.deepEqual(registry.resolve('dmeo'), { kind: 'unknown', nearest: ['demo'] });
  assert.deepEqual(registry.resolve('zzzzz'), { kind: 'unknown', nearest: [] });
});

test('a missing toolchain says what to install', async () => {
  const packages = { debian: ['demo', 'libdemo'], npm: ['demo@5'] };
  const registry = await open([{ 'demo.yaml': demoLanguage({ packages }) }], {
    exists: () => false,
  });
  const install = 'apt-get install -y demo libdemo && npm install -g --prefix /usr/local demo@5';
  const absent = '/usr/bin/demo not found';
  assert.deepEqual(registry.resolve('demo@3'), {
    kind: 'missing',
    language: 'demo',
    version: '3',
    message: `The toolchain of Demo is missing: ${absent}. Install it with: ${install}`,
    source: 'main.demo',
  });
  const [info] = registry.list();
  assert.equal(info?.available, false);
  assert.equal(info?.reason, 'TOOLCHAIN_MISSING');
  assert.equal(info?.install, install);
  assert.deepEqual(registry.install(), install.split(' && '));
});

test('a file of a later folder replaces the one of the same id, names and all', async () => {
  const mine = demoLanguage({ name: 'Mine', aliases: ['mine'] });
  const registry = await open([{ 'demo.yaml': demoLanguage() }, { 'x.yaml': mine }]);
  assert.deepEqual(
    registry.list().map(({ name }) => name),
    ['Mine'],
  );
  assert.equal(registry.resolve('dm').kind, 'unknown');
  assert.equal(registry.resolve('mine').kind, 'available');
  assert.deepEqual(registry.problems(), []);
});

test('a broken file is reported with its line and takes no other down', async () => {
  const registry = await open([
    { 'demo.yaml': demoLanguage() },
    { 'bad.yaml': 'id: bad\nnmae: Bad\n', 'other.yaml': other({}) },
  ]);
  assert.deepEqual(
    registry.list().map(({ id }) => id),
    ['demo', 'other'],
  );
  const unknown = registry.problems().find(({ message }) => message.startsWith('nmae'));
  assert.equal(unknown?.line, 2);
  assert.match(unknown?.file ?? '', /bad\.yaml$/);
});

test('a broken file does not take the place of a good one with its id', async () => {
  const registry = await open([{ 'demo.yaml': demoLanguage() }, { 'demo.yaml': 'id: demo\n' }]);
  assert.equal(registry.resolve('demo').kind, 'available');
});

test('two languages that claim one name are an error that names both', async () => {
  const registry = await open([
    { 'demo.yaml': demoLanguage(), 'z.yaml': other({ aliases: ['DM'] }) },
  ]);
  const [problem] = registry.problems();
  assert.match(problem?.file ?? '', /z\.yaml$/);
  assert.match(problem?.message ?? '', /the name dm belongs to demo already \(.*demo\.yaml\)/);
  assert.equal(registry.resolve('dm').kind, 'available');
  assert.equal(registry.resolve('other').kind, 'unknown');
});

test('a folder that is not there is a problem, not the end', async () => {
  const folder = await folderOf({ 'demo.yaml': demoLanguage() });
  const missing = join(folder, 'missing');
  const registry = await openRegistry({ folders: [folder, missing], probe, exists: () => true });
  assert.equal(registry.list().length, 1);
  assert.equal(registry.problems()[0]?.file, missing);
});

test('a refresh sees new files and toolchains; without a sandbox it keeps those', async () => {
  let answer: Awaited<ReturnType<Probe>> = { exitCode: 0, stdout: 'demo 1.0', stderr: '' };
  const folder = await folderOf({ 'demo.yaml': demoLanguage() });
  const options = { folders: [folder], probe: async () => answer, exists: () => true };
  const registry = await openRegistry(options);
  answer = { exitCode: 0, stdout: 'demo 2.0', stderr: '' };
  await writeFile(join(folder, 'other.yaml'), stringify(other({})));
  await registry.refresh();
  assert.deepEqual(
    registry.list().map(({ id, version }) => [id, version]),
    [
      ['demo', '2.0'],
      ['other', '2.0'],
    ],
  );
  answer = null;
  await registry.refresh();
  assert.equal(registry.list()[0]?.version, '2.0');
});

test('at most two toolchains are asked at once', async () => {
  let [now, most] = [0, 0];
  const slow: Probe = async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise(setImmediate);
    now -= 1;
    return { exitCode: 0, stdout: 'demo 1', stderr: '' };
  };
  const files = Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map((id) => [`${id}.yaml`, other({ id, extensions: [`.${id}`] })]),
  );
  await open([files], { probe: slow });
  assert.equal(most, 2);
});

test('what is to be proven comes by sets: those that most ask for are first', async () => {
  const named = (id: string, sets?: LanguageFile['sets']) =>
    other({ id, extensions: [`.${id}`], ...(sets && { sets }) });
  const files = [named('a'), named('b', ['judge']), named('c'), named('d', ['judge', 'minimal'])];
  const registry = await open([Object.fromEntries(files.map((file) => [`${file.id}.yaml`, file]))]);
  assert.deepEqual(
    registry.claims().map(({ language }) => language),
    ['d', 'b', 'a', 'c'],
  );
});

test('extensions and smoke programs are found by name', async () => {
  const registry = await open([{ 'demo.yaml': demoLanguage() }]);
  assert.equal(registry.byExtension('.DEMO'), 'demo');
  assert.equal(registry.byExtension('.nope'), undefined);
  assert.deepEqual(registry.smokes('demo'), [
    { name: 'hello', request: { code: 'hello' }, expect: { status: 'ok', stdout: 'hello\n' } },
    { name: 'uncaught_error', request: { code: 'boom' }, expect: { status: 'runtime_error' } },
  ]);
  assert.deepEqual(registry.smokes('nope'), []);
});
