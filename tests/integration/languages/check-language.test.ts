import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { guideFile } from '../../guide-file.js';
import { BUILD } from '../own-server.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-check-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function gozo(...args: readonly string[]) {
  const ran = spawnSync(process.execPath, [join(BUILD, 'gozo.mjs'), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, NO_COLOR: '1' },
    encoding: 'utf8',
  });
  return { exitCode: ran.status, stdout: ran.stdout, stderr: ran.stderr };
}

test("the guide's language passes, and its row has a mark for each program", () => {
  writeFileSync(join(folder, 'my-awk.yaml'), guideFile());
  const { exitCode, stdout, stderr } = gozo('check-language', 'my-awk.yaml', '--from', 'host');
  assert.equal(exitCode, 0, stdout + stderr);
  assert.match(stdout, /^my-awk +\S+ +✓ ✓ ✓ · ✓ · ✓ ✓ ✓ ✓ ✓ · · · · · · {2}0\/0$/m);
  assert.match(stdout, /1 of 1 languages passed, 9 of 9 programs as expected/);
});

test('what differs, what is missing and what is wrong are told, each of its file', () => {
  const good = guideFile();
  const write = (id: string, ...changes: readonly (readonly [string, string])[]) => {
    const renamed = good.replaceAll('my-awk', id).replace('[.awk]', `[.${id}]`);
    const text = changes.reduce((all, [from, to]) => all.replace(from, to), renamed);
    writeFileSync(join(folder, `${id}.yaml`), text);
    return `${id}.yaml`;
  };
  const files = [
    write('differs', ['print "Hello, world!"', 'print "Hello, World!"']),
    write('missing', ['tool: /usr/bin/mawk', 'tool: /usr/bin/no-such-awk']),
    write('wrong', ['source: main.awk', 'sorce: main.awk']),
  ];
  const checked = gozo('check-language', ...files, '--from=host', '--only=hello', '--json');
  assert.equal(checked.exitCode, 1, checked.stderr);
  const report = JSON.parse(checked.stdout);
  const [differs, missing, wrong] = report.languages;
  assert.equal(report.failed, 3);
  assert.match(differs.version, /^\d/);
  assert.match(differs.sha256, /^[0-9a-f]{64}$/);
  assert.equal(differs.toolchain.version, differs.version);
  assert.match(differs.smokes[0].differences[0], /"world!\\n", got "World!\\n" from byte 7 on/);
  assert.match(missing.message, /no-such-awk not found/);
  assert.deepEqual(
    wrong.problems.find(({ message }: { message: string }) => message.startsWith('sorce')),
    { line: 5, message: 'sorce: unknown key; did you mean source?' },
  );
});

test('new-language writes a file without a fault, once, and not for a name that is taken', () => {
  const made = gozo('new-language', 'my-awk', '--tool', '/usr/bin/mawk', '--extension', 'awk');
  assert.equal(made.exitCode, 0, made.stderr);
  const text = readFileSync(join(folder, 'my-awk.yaml'), 'utf8');
  const [, schema = ''] = /^# yaml-language-server: \$schema=(\/\S+)\n/.exec(text) ?? [];
  assert.equal(JSON.parse(readFileSync(schema, 'utf8')).title, 'GozoLite language file');
  assert.match(text, /^packages: \{ debian: \[mawk\] \}$/m);
  const checked = gozo('check-language', 'my-awk.yaml', '--from=host', '--only=hello', '--json');
  assert.deepEqual(JSON.parse(checked.stdout).languages[0].problems, []);
  assert.equal(gozo('new-language', 'my-awk').exitCode, 64);
  assert.match(gozo('new-language', 'py').stderr, /py is a name of python already/);
});

test('a call that names nothing, or what there is not, is wrong usage', () => {
  assert.equal(gozo('check-language').exitCode, 64);
  assert.equal(gozo('check-language', 'lua', '--all').exitCode, 64);
  assert.match(gozo('check-language', 'nope').stderr, /there is no language nope/);
  assert.match(gozo('check-language', 'nope.yaml').stderr, /nope\.yaml can't be read/);
});
