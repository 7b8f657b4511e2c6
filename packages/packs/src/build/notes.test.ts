import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { languageValidator, parseLanguage } from '@gozolite/languages/parse';
import { test } from 'vitest';
import { notesOf } from './notes.js';

const read = (name: string) => {
  const text = readFileSync(join('languages', name), 'utf8');
  const parsed = parseLanguage(text, name, languageValidator());
  assert.ok(parsed.ok, name);
  return parsed.value;
};

test('what a version command reads of the documentation is known by its path', () => {
  assert.deepEqual(notesOf(read('mujs.yaml')), ['/usr/share/doc/mujs/changelog.Debian.gz']);
  assert.deepEqual(notesOf(read('bash.yaml')), []);
});

test('no language file names a note in a way that would be overlooked', () => {
  const names = readdirSync('languages').filter((name) =>
    readFileSync(join('languages', name), 'utf8').includes('/usr/share/doc/'),
  );
  assert.ok(names.length > 0);
  for (const name of names) assert.ok(notesOf(read(name)).length > 0, name);
});
