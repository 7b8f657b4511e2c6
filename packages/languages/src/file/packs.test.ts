import assert from 'node:assert/strict';
import { test } from 'vitest';
import { stringify } from 'yaml';
import { demoLanguage } from '../demo-language.js';
import { describeProblem, languageValidator, parseLanguage } from '../parse.js';
import { hostSources, packRecipesOf } from './packs.js';

test('the short form is one pack whose version its toolchain tells', () => {
  const packages = { debian: ['lua5.4'] };
  assert.deepEqual(packRecipesOf({ packages }), [
    { version: null, variant: null, suite: null, prepare: [], sources: packages },
  ]);
});

test('a variant has what its entry has, and more', () => {
  const packs = [
    { version: '3.11', debian: ['python3'], variants: { data: { pypi: ['numpy'] } } },
    {
      ...{ version: '3.13', suite: 'trixie', debian: ['python3'], prepare: 'a' },
      variants: { more: { prepare: 'b' } },
    },
  ];
  const sources = { debian: ['python3'] };
  assert.deepEqual(packRecipesOf({ packs }), [
    { version: '3.11', variant: null, suite: null, prepare: [], sources },
    {
      version: '3.11',
      variant: 'data',
      suite: null,
      prepare: [],
      sources: { ...sources, pypi: ['numpy'] },
    },
    { version: '3.13', variant: null, suite: 'trixie', prepare: ['a'], sources },
    { version: '3.13', variant: 'more', suite: 'trixie', prepare: ['a', 'b'], sources },
  ]);
});

const validator = languageValidator();
function problems(change: object): readonly string[] {
  const parsed = parseLanguage(stringify({ ...demoLanguage(), ...change }), 'demo', validator);
  return parsed.ok ? [] : parsed.error.map(describeProblem);
}

const good = [
  { npm: ['typescript', '@scope/name@1.2.3', 'node-linux-{arch}@24'] },
  { pypi: ['numpy', 'ziglang==0.15.1', 'x[y]>=1,<2'] },
  { maven: ['org.jetbrains.kotlin:kotlin-compiler-embeddable:2.1.21'] },
  { go: ['github.com/open-policy-agent/opa@v1.2.3'], cargo: ['nu@0.99.1'] },
];
for (const packages of good) {
  test(`${JSON.stringify(packages)} is good`, () => assert.deepEqual(problems({ packages }), []));
}

const bad = [
  { debian: ['-o=x'] },
  { debian: ['a b'] },
  { npm: ['--registry=x'] },
  { npm: ['git+https://example.com/x'] },
  { npm: ['../x'] },
  { pypi: ['-r x'] },
  { pypi: ['x @ https://example.com'] },
  { maven: ['a:b'] },
  { go: ['./x@v1'] },
  { cargo: ['x'] },
];
for (const packages of bad) {
  test(`${JSON.stringify(packages)} is no name of a package`, () => {
    assert.equal(problems({ packages }).length, 1);
  });
}

test('a file says packages or packs, and no version twice', () => {
  const packs = [{ version: '1' }, { version: '1' }];
  assert.match(problems({ packages: undefined })[0] ?? '', /needs packages or packs/);
  assert.match(problems({ packs })[0] ?? '', /1 stands there twice/);
  assert.deepEqual(problems({ packages: undefined, packs: packs.slice(1) }), []);
});

test('with both, packs says what a pack is made of, and packages what a host installs', () => {
  const both = { packages: { debian: ['nodejs'] }, packs: [{ version: '24', npm: ['node'] }] };
  assert.deepEqual(packRecipesOf(both)[0]?.sources, { npm: ['node'] });
  assert.deepEqual(hostSources(both), { debian: ['nodejs'] });
});
