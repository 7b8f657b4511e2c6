import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { StageRecipe } from '@gozolite/contract/recipe';
import { afterEach, beforeEach, test } from 'vitest';
import { type DetectDeps, detect } from '../detect.js';
import { expandArgs } from '../expand.js';
import { loadLanguages } from '../load.js';
import { HOST, recipeOf } from '../recipe.js';
import type { LanguageFile } from '../schema.js';
import { smokesOf } from '../smokes/smokes.js';

// Toolchains that no registry of ours has: a folder stands for the host's root, and small shell
// scripts in it for the toolchains.
const STAND_INS: Readonly<Record<string, string>> = {
  dart: 'Dart SDK version: 3.10.1 (stable)',
  fennel: 'Fennel 1.5.1 on PUC Lua 5.4',
  fsharp: '9.0.100',
  janet: '1.36.0-meson',
  julia: 'julia version 1.12.2',
  moonscript: 'MoonScript version 0.5.0',
  odin: 'odin version dev-2026-10',
  powershell: 'PowerShell 7.5.4',
  swift: 'Swift version 6.2.1 (swift-6.2.1-RELEASE)',
  v: 'V 0.4.12 1a2b3c4',
  vbnet: '9.0.100',
};
const COMPILED: readonly string[] = ['odin', 'swift', 'v', 'vbnet'];

const folder = fileURLToPath(new URL('../../../../languages', import.meta.url));
const files = (await loadLanguages([folder])).languages.map(({ file }) => file);
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stand-in-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const deps: DetectDeps = {
  rootfs: HOST.rootfs,
  exists: (path) => existsSync(join(root, path)),
  probe: ([tool = '', ...args]) => execute(join(root, tool), args),
};

for (const [id, version] of Object.entries(STAND_INS)) {
  test(`${id} is missing on a host without it, and there with it`, async () => {
    const file = fileOf(id);
    assert.equal((await detect(file, deps)).kind, 'missing');
    for (const place of Object.values(file.toolchain.candidates.at(-1) ?? {})) {
      install(place, `#!/bin/sh\necho '${version}'\n`);
    }
    const found = await toolchainOf(file);
    assert.match(version, new RegExp(found.version.replaceAll('.', '\\.')));
    assert.equal(recipeOf(file, found, HOST).compile !== undefined, COMPILED.includes(id));
  });
}

test('a stand-in interpreter runs the hello of its language', async () => {
  const file = fileOf('janet');
  const print = `sed -nE 's/^\\(print "(.*)"\\)$/\\1/p' "$1"`;
  install('/usr/bin/janet', `#!/bin/sh\n[ "$1" = -v ] && exec echo 1.36.0\n${print}\n`);
  const { run } = recipeOf(file, await toolchainOf(file), HOST);
  const ended = await stage(file, run);
  assert.deepEqual(ended, { exitCode: 0, stdout: 'Hello, world!\n', stderr: '' });
});

test('a stand-in compiler makes the program that is run', async () => {
  const file = fileOf('swift');
  install(
    '/usr/bin/swiftc',
    `#!/bin/sh
    [ "$1" = --version ] && exec echo 'Swift version 6.2.1'
    while [ "$1" != -o ]; do shift; done
    for source do :; done
    { echo '#!/bin/sh'; sed -nE 's/^print\\((".*")\\)$/echo \\1/p' "$source"; } > "$2"
    chmod +x "$2"
    `,
  );
  const { compile, run } = recipeOf(file, await toolchainOf(file), HOST);
  assert.ok(compile);
  assert.deepEqual(await stage(file, compile), { exitCode: 0, stdout: '', stderr: '' });
  const ended = await stage(file, run);
  assert.deepEqual(ended, { exitCode: 0, stdout: 'Hello, world!\n', stderr: '' });
});

function fileOf(id: string): LanguageFile {
  const file = files.find((one) => one.id === id);
  assert.ok(file, `languages/${id}.yaml`);
  return file;
}

function install(place: string, script: string): void {
  mkdirSync(dirname(join(root, place)), { recursive: true });
  writeFileSync(join(root, place), script, { mode: 0o755 });
}

async function toolchainOf(file: LanguageFile) {
  const detection = await detect(file, deps);
  assert.equal(detection.kind, 'found');
  const [found] = detection.kind === 'found' ? detection.toolchains : [];
  assert.ok(found);
  return found;
}

/** Runs a stage of the language's hello, with paths of the host and of /work below `root`. */
async function stage(file: LanguageFile, { launch, args }: StageRecipe) {
  const hello = smokesOf(file).find(({ name }) => name === 'hello');
  install(`/work/${file.source}`, `${hello?.request.code}\n`);
  const limits = limitPolicyFor(2, 1 << 24).run.defaults;
  const input = { entry: file.source, files: [file.source], args: [], limits };
  const expanded = expandArgs({ launch, args, env: {}, limits: {} }, input).args;
  const [tool = '', ...rest] = [...launch.command, ...expanded];
  return execute(join(root, tool), rest, join(root, 'work'));
}

type Ended = { exitCode: number; stdout: string; stderr: string };

function execute(tool: string, args: readonly string[], cwd = root): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(tool, args, { cwd }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}
