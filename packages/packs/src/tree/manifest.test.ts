import assert from 'node:assert/strict';
import { test } from 'vitest';
import { digestOf, type Entry, manifestText, parseManifest } from './manifest.js';

const sha256 = 'a'.repeat(64);
const usr: Entry = { path: 'usr', type: 'folder', mode: '555' };
const file: Entry = { path: 'usr/b', type: 'file', mode: '444', size: 3, sha256 };
const link: Entry = { path: 'usr/a', type: 'link', target: '../etc/b' };

test('a manifest is the same whatever the order of what it is made from', () => {
  const text = manifestText([file, link, usr]);
  assert.equal(text, manifestText([usr, link, file]));
  assert.deepEqual(parseManifest(text), { ok: true, value: [usr, link, file] });
  assert.notEqual(digestOf(text), digestOf(manifestText([usr, link])));
});

test('paths are sorted by their bytes', () => {
  const named = ['usr/\u{1f389}', 'usr/\ufe0f', 'usr/z'].map((path) => ({ ...file, path }));
  const parsed = parseManifest(manifestText([usr, ...named]));
  const order = ['usr', 'usr/z', 'usr/\ufe0f', 'usr/\u{1f389}'];
  assert.deepEqual(parsed.ok && parsed.value.map(({ path }) => path), order);
});

const folder = (path: string): Entry => ({ path, type: 'folder', mode: '555' });
const dataLink = (target: string): Entry => ({ path: 'data/a', type: 'link', target });
const refused: readonly (readonly [string, readonly object[], RegExp])[] = [
  ['a path upwards', [usr, { ...file, path: 'usr/../../x' }], /no path inside the tree/],
  ['an absolute path', [{ ...file, path: '/usr/b' }, usr], /no path inside the tree/],
  ['a path with an empty part', [usr, { ...file, path: 'usr//b' }], /no path inside the tree/],
  ['a path with a zero byte', [usr, { ...file, path: 'usr/\0' }], /no path inside the tree/],
  ['a name that is too long', [usr, { ...file, path: `usr/${'x'.repeat(256)}` }], /no path/],
  ['a folder beside usr and etc', [usr, folder('var')], /is not below etc or usr or data/],
  ['a file in the place of usr', [{ ...file, path: 'usr' }], /must be a folder/],
  ['a link in the place of etc', [{ ...link, path: 'etc' }, usr], /must be a folder/],
  ['what lies below a link', [usr, link, { ...file, path: 'usr/a/b' }], /lies in no folder/],
  ['what lies below nothing', [usr, { ...file, path: 'usr/x/b' }], /lies in no folder/],
  ['one path twice', [usr, file, file], /not in its canonical form/],
  ['a setuid bit', [usr, { ...file, mode: '4555' }], /mode of a file is 444 or 555/],
  ['a file that may be written', [usr, { ...file, mode: '644' }], /mode of a file is 444 or 555/],
  ['a folder that may be written', [{ ...usr, mode: '777' }], /mode of a folder is 555/],
  ['a device', [usr, { ...file, type: 'device' }], /neither a folder, nor a file, nor a link/],
  ['a hash that leads elsewhere', [usr, { ...file, sha256: '../../../../etc/x' }], /no SHA-256/],
  ['a negative size', [usr, { ...file, size: -1 }], /no number of bytes/],
  ['a link without a target', [usr, { ...link, target: '' }], /the target of a link/],
  ['a data set with a usr', [folder('data'), usr], /neither a folder usr nor a folder data/],
  ['a way out of a data set', [folder('data'), dataLink('../x')], /leads out of the data set/],
  ['a way up by another link', [folder('data'), dataLink('x/../..')], /leads out of the data set/],
  ['an absolute link of a data set', [folder('data'), dataLink('/data')], /leads out/],
  ['a tree without usr', [folder('etc')], /neither a folder usr nor a folder data/],
];
for (const [name, entries, says] of refused) {
  test(`${name} is refused`, () => {
    const lines = entries.map((entry) => JSON.stringify(entry)).join(',\n');
    const parsed = parseManifest(`{"version":1,"entries":[\n${lines}\n]}\n`);
    assert.match(parsed.ok ? 'accepted' : parsed.error, says);
  });
}

test('other bytes for the same entries are refused: a tree has one digest', () => {
  const text = manifestText([usr, file]);
  assert.equal(parseManifest(text.replace('"size":3', '"size": 3')).ok, false);
  assert.equal(parseManifest(text.replace('"size":3', '"size":3,"more":1')).ok, false);
  assert.equal(parseManifest(text.replace('"version":1', '"version":2')).ok, false);
  assert.equal(parseManifest('{').ok, false);
});
