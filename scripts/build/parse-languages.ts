// Reads and checks the language files of a folder, and leaves what it read beside them.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadLanguages } from '@gozolite/languages/load';
import { digestOf, PARSED_NAME } from '@gozolite/languages/shipped/parsed';

const folder = process.argv[2] ?? '';
// A file with a fault is left out: whoever loads it reads it again and names the fault.
const { languages } = await loadLanguages([folder]);
const parsed = languages.map(({ path, file }) => [digestOf(readFileSync(path, 'utf8')), file]);
const target = join(folder, PARSED_NAME);
writeFileSync(`${target}.new`, JSON.stringify(Object.fromEntries(parsed)));
renameSync(`${target}.new`, target);
