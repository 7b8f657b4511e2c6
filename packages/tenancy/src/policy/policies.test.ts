import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { demoLanguage } from '@gozolite/languages/demo-language';
import { openKnownNames } from '@gozolite/languages/names/known';
import { test } from 'vitest';
import { openPolicies, type PolicyProblem } from './policies.js';
import type { BasePolicy } from './policy.js';

const BASE: BasePolicy = {
  limits: limitPolicyFor(4, 16 * 1024 * 1024),
  network: { allow: ['a.example:443'], bytesMax: 1000, connectionsMax: 4, timeMsMax: 5000 },
  dataAllow: ['iris'],
  isolationFloor: 'reduced',
  counts: true,
  keepMs: 86_400_000,
};

function setting(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, `.${name}`), text);
    renameSync(join(folder, `.${name}`), join(folder, name));
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  let heard: (problems: readonly PolicyProblem[]) => void = () => undefined;
  const open = () =>
    openPolicies({ folder, base: BASE, pollMs: 50, onChange: (problems) => heard(problems) });
  return {
    ...{ folder, write, open },
    tell: (problems: readonly PolicyProblem[]) => heard(problems),
    /** Changes something, and waits until it was seen. */
    changed: (change: () => void): Promise<readonly PolicyProblem[]> => {
      const seen = new Promise<readonly PolicyProblem[]>((resolve) => {
        heard = resolve;
      });
      change();
      return seen;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function policiesOf(own: ReturnType<typeof setting>) {
  const opened = own.open();
  assert.ok(opened.ok, opened.ok ? '' : JSON.stringify(opened.error));
  return opened.value;
}

test('a tenant has its own policy, else the default one, else what the server allows', () => {
  using own = setting({ 'acme.yaml': 'languages: [python]', 'default.yaml': 'languages: [lua]' });
  using policies = policiesOf(own);
  assert.deepEqual([...(policies.of('acme').languages ?? [])], ['python']);
  assert.deepEqual([...(policies.of('bob').languages ?? [])], ['lua']);
  const none = openPolicies({ folder: '', base: BASE, onChange: () => undefined });
  assert.ok(none.ok && !none.value.isConfigured);
  const { digest, languages, limits } = none.value.of('bob');
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.deepEqual([languages, limits], [undefined, BASE.limits]);
});

test('defaults and ceilings are its own, and a lower ceiling brings its default down', () => {
  const text = 'limits: { run: { ceilings: { wall_time_ms: 2000 }, defaults: { cpus: 2 } } }';
  using own = setting({ 'acme.yaml': text });
  using policies = policiesOf(own);
  const { run, compile } = policies.of('acme').limits;
  assert.deepEqual([run.ceilings.wall_time_ms, run.defaults.wall_time_ms], [2000, 2000]);
  assert.equal(run.defaults.cpus, 2);
  assert.equal(run.defaults.cpu_time_ms, BASE.limits.run.defaults.cpu_time_ms);
  assert.deepEqual(compile, BASE.limits.compile);
});

test('what says the same has the same digest, and what says another has another', () => {
  using own = setting({
    'a.yaml': 'languages: [lua, python]\ndata: []',
    'b.yaml': '# the same\ndata: []\nlanguages:\n  - python\n  - lua\n  - lua',
    'c.yaml': 'languages: [lua]\ndata: []',
    'd.yaml': 'languages: [lua, python]\ndata: []\nrules: { files_max: 3 }',
  });
  using policies = policiesOf(own);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => policies.of(id).digest);
  assert.equal(a, b);
  assert.equal(new Set([a, c, d]).size, 3);
});

for (const [name, text, line, message] of [
  ['a typo', 'languages: [lua]\nlimit: {}', 2, /unknown key; did you mean limits/],
  ['no YAML', 'a: [', 1, /no valid YAML/],
  ['a ceiling above', '\nlimits:\n  run:\n    ceilings: { cpus: 5 }', 4, /5 is above the server/],
  ['a default above', 'limits: { run: { defaults: { cpus: 5 } } }', 1, /5 is above its ceiling/],
  ['a limit below', 'limits: { run: { defaults: { memory_kb: 1 } } }', 1, /below the floor/],
  ['another host', 'network:\n  allow:\n    - b.example:443', 3, /GOZO_NETWORK_ALLOW/],
  ['no target', 'network: { allow: ["10.0.0.1:80"] }', 1, /"10.0.0.1:80"/],
  ['more bytes', 'network: { bytes_max: 1001 }', 1, /above the server's 1000/],
  ['another data set', 'data: [iris, mnist]', 1, /does not grant "mnist"/],
  ['a lower floor', 'isolation_floor: container', 1, /below the server's floor/],
  ['no pattern', 'rules:\n  patterns_refused: ["(?=x)"]', 2, /rules\.patterns_refused\.0/],
  ['records kept longer', 'retention: { record_s: 86401 }', 1, /above GOZO_KEEP_S, 86400/],
  ['output longer', 'retention: { record_s: 60, output_s: 61 }', 1, /above the record's 60/],
  ['a priority', 'priority:\n  max: 1\n  default: 2', 3, /2 is above its max of 1/],
  ['a list', '- languages', 1, /must be object/],
] as const) {
  test(`at the start ${name} is refused with its line`, () => {
    using own = setting({ 'acme.yaml': text });
    const opened = own.open();
    assert.ok(!opened.ok);
    assert.equal(opened.error[0]?.file, join(own.folder, 'acme.yaml'));
    assert.equal(opened.error[0]?.line, line);
    assert.match(opened.error.map((each) => each.message).join('\n'), message);
  });
}

test('a file of nobody and a folder that is not there are refused at the start', () => {
  using own = setting({ 'Acme Ltd.yaml': '' });
  const opened = own.open();
  assert.ok(!opened.ok && /<tenant>\.yaml/.test(opened.error[0]?.message ?? ''));
  const none = openPolicies({ folder: '/nowhere', base: BASE, onChange: () => undefined });
  assert.ok(!none.ok && /ENOENT/.test(none.error[0]?.message ?? ''));
});

test('languages are called by any of their names, and an unknown one is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-names-'));
  // JSON is YAML.
  const language = (id: string, alias: string) => {
    const file = demoLanguage({ id, aliases: [alias], piston: [], judge0: [] });
    writeFileSync(join(folder, `${id}.yaml`), JSON.stringify(file));
  };
  language('quill', 'ql');
  const languages = await openKnownNames([folder], [folder]);
  using own = setting({ 'acme.yaml': 'concurrency: 1\nlanguages:\n  - ql\n  - quil' });
  const open = () =>
    openPolicies({
      ...{ folder: own.folder, base: BASE, languages, pollMs: 50 },
      onChange: (problems) => own.tell(problems),
    });
  const refused = open();
  assert.ok(!refused.ok);
  assert.equal(refused.error[0]?.line, 4);
  assert.match(refused.error[0]?.message ?? '', /"quil" is no language .* did you mean quill\?/);
  own.write('acme.yaml', 'languages: [ql, quill]');
  const opened = open();
  assert.ok(opened.ok);
  using policies = opened.value;
  const languagesOf = () => [...(policies.of('acme').languages ?? [])];
  assert.deepEqual(languagesOf(), ['quill']);
  const [problem] = await own.changed(() => own.write('acme.yaml', '\nlanguages: [ql, nib]'));
  assert.equal(problem?.line, 2);
  assert.deepEqual(languagesOf(), ['quill']);
  // Its file comes after the policy that names it.
  assert.deepEqual(await own.changed(() => language('nib', 'nb')), []);
  assert.deepEqual(languagesOf(), ['nib', 'quill']);
  rmSync(folder, { recursive: true });
});

test('a change holds at once, a broken one is told and the old one stays', async () => {
  using own = setting({ 'acme.yaml': 'languages: [lua]', 'bob.yaml': 'languages: [lua]' });
  using policies = policiesOf(own);
  const languagesOf = (tenant: string) => [...(policies.of(tenant).languages ?? ['all'])];
  const good = await own.changed(() => own.write('acme.yaml', 'languages: [python, lua]'));
  assert.deepEqual([good, languagesOf('acme')], [[], ['lua', 'python']]);
  const [problem] = await own.changed(() => own.write('acme.yaml', 'a: 1\nlanguages: [ruby]'));
  assert.equal(problem?.line, 1);
  assert.deepEqual(languagesOf('acme'), ['lua', 'python']);
  assert.equal(policies.problems().length, 1);
  await own.changed(() => own.write('bob.yaml', 'languages: [ruby]'));
  assert.deepEqual([languagesOf('bob'), languagesOf('acme')], [['ruby'], ['lua', 'python']]);
  const mended = await own.changed(() => own.write('acme.yaml', 'languages: [perl]'));
  assert.deepEqual([mended, languagesOf('acme')], [[], ['perl']]);
  await own.changed(() => rmSync(join(own.folder, 'acme.yaml')));
  assert.deepEqual(languagesOf('acme'), ['all']);
  const [gone] = await own.changed(() => rmSync(own.folder, { recursive: true }));
  assert.match(gone?.message ?? '', /ENOENT/);
  assert.deepEqual(languagesOf('bob'), ['ruby']);
});
