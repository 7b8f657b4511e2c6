import assert from 'node:assert/strict';
import { demoLanguage } from '@gozolite/languages/demo-language';
import { catalogueOf } from '@gozolite/languages/names/catalogue';
import { test } from 'vitest';
import type { InstalledPack } from './installed.js';
import { canonicalNames, chooseInstalled, installedFor, nameOfOrder, ordersFor } from './orders.js';

const short = demoLanguage({
  id: 'short',
  aliases: ['s'],
  piston: [],
  judge0: [],
  sets: ['judge'],
});
const { packages: _, ...bare } = demoLanguage({ id: 'long', aliases: ['l++'], piston: [] });
const long = {
  ...bare,
  judge0: [],
  packs: [
    { version: '3.11', debian: ['long'], variants: { data: { pypi: ['numpy'] } } },
    { version: '3.13', debian: ['longer'] },
  ],
};
const catalogue = catalogueOf({
  languages: [short, long].map((file) => ({ path: file.id, file })),
  problems: [],
});
const none = { names: [], isAll: false, sets: [] };

const rows: readonly (readonly [string, string])[] = [
  ['s', 'short'],
  ['SHORT', 'short'],
  ['long', 'long@3.11'],
  ['long@3.13', 'long@3.13'],
  ['long+data', 'long@3.11+data'],
  ['l++@3.11+data', 'long@3.11+data'],
];
for (const [text, name] of rows) {
  test(`${text} is the pack ${name}`, () => {
    const orders = ordersFor(catalogue, { ...none, names: [text] });
    assert.deepEqual(orders.map(nameOfOrder), [name]);
  });
}

const unknown: readonly (readonly [string, RegExp])[] = [
  ['shirt', /there is no language shirt; did you mean short\?/],
  ['long@3.1', /no pack long@3.1; there are long@3.11, long@3.11\+data, long@3.13/],
  ['long@3.13+data', /no pack long@3.13\+data/],
  ['short+data', /no pack short\+data/],
];
for (const [text, says] of unknown) {
  test(`${text} is no pack, and the message says what there is`, () => {
    assert.throws(() => ordersFor(catalogue, { ...none, names: [text] }), says);
  });
}

test('a version asked of a pack that has its own is for the build to judge', () => {
  const [order] = ordersFor(catalogue, { ...none, names: ['short@9', 'short@9'] });
  assert.equal(order?.asked, '9');
  assert.equal(order && installedFor(installed, order), undefined);
  const [other] = ordersFor(catalogue, { ...none, names: ['short@5'] });
  assert.equal(other && installedFor(installed, other)?.name, 'short@5.4');
});

test('all are all versions and variants, a set the first ones of its languages, each once', () => {
  const all = ordersFor(catalogue, { names: ['long'], isAll: true, sets: ['judge'] });
  const names = ['long@3.11', 'long@3.11+data', 'long@3.13', 'short'];
  assert.deepEqual(all.map(nameOfOrder), names);
  const set = ordersFor(catalogue, { ...none, sets: ['judge'] });
  assert.deepEqual(set.map(nameOfOrder), ['short']);
  assert.throws(() => ordersFor(catalogue, { ...none, sets: ['x'] }), /belongs to the set x/);
});

const installed = ['long@3.11', 'long@3.11+data', 'short@5.4'].map((name): InstalledPack => {
  const [, language = '', version = '', variant = null] =
    /^(\w+)@([\d.]+)(?:\+(\w+))?$/.exec(name) ?? [];
  const counts = { bytes: 0, files: 0, built_at: '', packages: [] };
  return { name, language, version, variant, digest: 'a'.repeat(64), ...counts };
});

test('the short form is installed whatever its version is called', () => {
  const [order] = ordersFor(catalogue, { ...none, names: ['short'] });
  assert.equal(order && installedFor(installed, order)?.name, 'short@5.4');
});

test('installed packs are chosen by name, by language, by language and variant', () => {
  const names = (...asked: readonly string[]) =>
    chooseInstalled(installed, asked).map(({ name }) => name);
  assert.deepEqual(names('long'), ['long@3.11', 'long@3.11+data']);
  assert.deepEqual(names('long+data'), ['long@3.11+data']);
  assert.deepEqual(names('long@3.11', 'short'), ['long@3.11', 'short@5.4']);
  assert.throws(() => names('long@3.13'), /long@3.13 is not installed; installed are long@3.11,/);
});

test('installed packs, too, go by any name of their language', () => {
  const asked = ['L++@3.11+data', 's', 'gone@1.0'];
  assert.deepEqual(canonicalNames(catalogue, asked), ['long@3.11+data', 'short', 'gone@1.0']);
});
