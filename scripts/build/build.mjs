import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildLauncher } from './build-launcher.mjs';
import { digestOf, filesBelow } from './digest.mjs';
import { BUILD, ROOT } from './paths.mjs';

const SCHEMA = 'docs/reference/language-file.schema.json';
const STAMPS = join(BUILD, 'stamps.json');

/** What each part is made of; a part is built again only where one of these files changed. */
const PARTS = [
  {
    name: 'programs',
    sources: ['packages', 'package.json', 'package-lock.json', 'scripts/build'],
    // Imported only when needed: loading esbuild would slow every start.
    make: async () => (await import('./bundle.mjs')).bundlePrograms(),
  },
  {
    name: 'languages',
    sources: ['languages', 'packages/languages', 'packages/contract', 'package-lock.json'],
    make: makeLanguages,
  },
  {
    name: 'schema', // Of language files, for the editors of those who have no clone.
    sources: [SCHEMA],
    make: () => copyFileSync(join(ROOT, SCHEMA), join(BUILD, basename(SCHEMA))),
  },
  { name: 'attacks', sources: ['attacks'], make: () => copyData('attacks') },
  {
    name: 'launcher',
    sources: ['crates', 'Cargo.toml', 'Cargo.lock', 'scripts/build/build-launcher.mjs'],
    make: buildLauncher,
  },
];

/** Brings build/ up to date with the sources. */
export async function build(say) {
  mkdirSync(BUILD, { recursive: true });
  const stamps = readStamps();
  for (const part of PARTS) {
    const digest = digestOf(ROOT, part.sources);
    if (stamps[part.name] === digest) continue;
    say(`Building the ${part.name} …`);
    await part.make(say);
    stamps[part.name] = digest;
    writeFileSync(`${STAMPS}.new`, JSON.stringify(stamps));
    renameSync(`${STAMPS}.new`, STAMPS);
  }
}

async function makeLanguages() {
  await copyData('languages');
  const { runScript } = await import('./bundle.mjs');
  const script = join(ROOT, 'scripts/build/parse-languages.ts');
  const exitCode = await runScript(script, [join(BUILD, 'languages')]);
  if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}`);
}

/** Server and CLI look for these files beside themselves. */
async function copyData(name) {
  const target = join(BUILD, name);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const file of filesBelow(join(ROOT, name))) {
    if (/\.(yaml|h)$/.test(file)) copyFileSync(file, join(target, basename(file)));
  }
}

function readStamps() {
  try {
    return JSON.parse(readFileSync(STAMPS, 'utf8'));
  } catch {
    return {}; // No stamps yet, or half-written ones: build everything.
  }
}
