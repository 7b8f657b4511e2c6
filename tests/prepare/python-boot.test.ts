import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'vitest';
import { parse } from 'yaml';

/** As `site` does it, with a path on which nothing but the boot folder is. */
const START = (folder: string, before: string) => `
import os, site, sys
${before}
sys.path[:] = [${JSON.stringify(folder)}]
site.execsitecustomize()
print("sitecustomize" in sys.modules, sys.argv[1:], os.environ.get("OWN"), sys.path)
`;

/** Boots the interpreter of this machine as a host's would be that is made otherwise. */
async function boot(before: string) {
  const folder = join(mkdtempSync(join(tmpdir(), 'gozolite-boot-')), 'boot');
  mkdirSync(folder);
  const { run } = parse(readFileSync('languages/python.yaml', 'utf8')) as {
    run: { prepare: { program: string } };
  };
  writeFileSync(join(folder, 'sitecustomize.py'), run.prepare.program);
  const child = spawn('python3', ['-S', '-B', '-c', START(folder, before)], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const said = [child.stdout, child.stderr].map((stream) => text(stream as NodeJS.ReadableStream));
  (child.stdio[3] as Writable).end('2 1\none\0two\0OWN=yes\0');
  const [stdout, stderr] = await Promise.all(said);
  const isLeft = existsSync(folder);
  rmSync(join(folder, '..'), { recursive: true });
  return { stdout, stderr, isLeft };
}

for (const [name, before] of [
  ['which has no sitecustomize of its own', ''],
  ['of before 3.10, which has no orig_argv', 'vars(sys).pop("orig_argv", None)'],
] as const) {
  test(`a Python ${name} boots without a word`, async () => {
    const { stdout, stderr, isLeft } = await boot(before);
    assert.equal(stderr, '');
    assert.equal(stdout, "False ['one', 'two'] yes []\n");
    assert.equal(isLeft, false);
  });
}
