import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import { afterEach, beforeEach, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { load, testUrl } from './client.js';
import { BUILD } from './own-server.js';

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function start(args: readonly string[], env: Record<string, string> = { GOZO_URL: testUrl() }) {
  return spawn(process.execPath, [join(BUILD, 'gozo.mjs'), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
  });
}

function ended(child: ReturnType<typeof start>): Promise<Ran> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve) => {
    child.once('close', (exitCode) => {
      const bytes = Buffer.concat(stdout);
      const said = Buffer.concat(stderr).toString('utf8');
      resolve({ exitCode, bytes, stdout: bytes.toString('utf8'), stderr: said });
    });
  });
}

function gozo(args: readonly string[], stdin: string | Buffer = ''): Promise<Ran> {
  const child = start(args);
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  return ended(child);
}

function write(name: string, content: string): void {
  writeFileSync(join(folder, name), content);
}

test('gozo run main.py: language by its name, output and exit code of the program', async () => {
  write('main.py', 'import sys; print("out"); print("err", file=sys.stderr); sys.exit(3)');
  const ran = await gozo(['run', 'main.py']);
  assert.deepEqual([ran.exitCode, ran.stdout, ran.stderr], [3, 'out\n', 'err\n']);
});

test('several files, and arguments behind --', async () => {
  write('main.py', 'import helper, sys; print(helper.x, sys.argv[1:])');
  write('helper.py', 'x = 7');
  const ran = await gozo(['run', 'main.py', 'helper.py', '--', '-v', '--json', '--', 'a b']);
  assert.equal(ran.stdout, "7 ['-v', '--json', '--', 'a b']\n");
});

test('standard input passes through, every byte of it', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const ran = await gozo(['run', '-l', 'bash', '-c', 'cat'], bytes);
  assert.deepEqual(ran.bytes, bytes);
});

test('standard input may come late', async () => {
  const child = start(['run', '-l', 'bash', '-c', 'cat']);
  const ran = ended(child);
  child.stdin.write('early\n');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  child.stdin.end('late\n');
  assert.equal((await ran).stdout, 'early\nlate\n');
});

test('--no-stdin gives the program none', async () => {
  const ran = await gozo(['run', '-l', 'bash', '--no-stdin', '-c', 'cat; echo end'], 'not this');
  assert.equal(ran.stdout, 'end\n');
});

test('- is a program from standard input', async () => {
  const ran = await gozo(['run', '-l', 'c', '-'], '#include <stdio.h>\nint main(){puts("c");}');
  assert.equal(ran.stdout, 'c\n');
});

test('--env, limits by either spelling, compiler arguments and labels arrive', async () => {
  write('m.c', '#include <stdio.h>\n#include <stdlib.h>\nint main(){puts(X);puts(getenv("A"));}');
  const given = ['-e', 'A=b=c', '-t', '2s', '-m', '64m', '--processes', '5', '--label', 'k=v'];
  const compile = ['--compile-arg=-DX="x"', '--compile-limit', 'wall_time_ms=9000'];
  const ran = await gozo(['run', 'm.c', ...given, ...compile, '--json']);
  const record: Execution = JSON.parse(ran.stdout);
  assert.equal(record.stdout, 'x\nb=c\n');
  const { run, compile: compileLimits } = record.limits;
  assert.deepEqual(
    [run.wall_time_ms, run.cpu_time_ms, run.memory_kb, run.processes, compileLimits?.wall_time_ms],
    [2000, 2000, 65_536, 5, 9000],
  );
  assert.deepEqual(record.labels, { k: 'v' });
});

test('artifacts are written to --out', async () => {
  const code = 'mkdir d; printf "\\377" > d/x.bin; echo hi > y.txt';
  const ran = await gozo(['run', '-l', 'bash', '-c', code, '-a', '**', '-o', 'got']);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.deepEqual(readFileSync(join(folder, 'got/d/x.bin')), Buffer.from([255]));
  assert.equal(readFileSync(join(folder, 'got/y.txt'), 'utf8'), 'hi\n');
});

const endings: readonly (readonly [string, string[], number, RegExp])[] = [
  ['a signal', ['-l', 'bash', '-c', 'kill -SEGV $$'], 139, /SIGSEGV/],
  ['a compile error', ['-l', 'c', '-c', 'int main( {'], 65, /error:[\s\S]*the compiler refused/],
  ['its time', ['-l', 'bash', '-t', '200ms', '-c', 'sleep 9'], 124, /wall_time_ms is 200/],
  ['its memory', ['-l', 'python', '-m', '32m', '-c', 'x = b"a" * (99 << 20)'], 137, /memory_kb/],
  [
    'its output',
    ['-l', 'bash', '--output-kb', '1', '-c', 'yes'],
    153,
    /output_kb[\s\S]*stdout was cut/,
  ],
  ['an unknown language', ['-l', 'pyton', '-c', ''], 64, /UNKNOWN_LANGUAGE.*py/],
  ['a limit too high', ['-l', 'bash', '-t', '1000m', '-c', ''], 64, /LIMIT_TOO_HIGH.*60000/],
  ['no such file', ['nothing.py'], 64, /no file nothing\.py/],
  ['a file of no language', ['a.unknown'], 64, /a\.unknown/],
  ['nothing to run', [], 64, /main\.py/],
  ['an option that is none', ['--nonsense'], 64, /nonsense/],
];
for (const [name, args, exitCode, said] of endings) {
  test(`${name}: exits ${exitCode} and says so`, async () => {
    write('a.unknown', '');
    const ran = await gozo(['run', ...args]);
    assert.equal(ran.exitCode, exitCode, ran.stderr);
    assert.match(ran.stderr, said);
  });
}

test('no server at --url: exits 69 and names it', async () => {
  const ran = await gozo(['run', '--url', 'http://127.0.0.1:1', '-l', 'bash', '-c', ':']);
  assert.equal(ran.exitCode, 69);
  assert.match(ran.stderr, /127\.0\.0\.1:1/);
});

test('Ctrl-C cancels the program: exits 130', async () => {
  const child = start(['run', '-l', 'bash', '-c', 'sleep 50']);
  child.stdin.end();
  await eventually('it to run', 5000, async () =>
    (await load()).running === 1 ? true : undefined,
  );
  child.kill('SIGINT');
  assert.equal((await ended(child)).exitCode, 130);
  await eventually('its end', 2000, async () => ((await load()).running === 0 ? true : undefined));
});

test('gozo languages: a line each, and as JSON', async () => {
  const table = await gozo(['languages']);
  assert.equal(table.exitCode, 0);
  assert.match(table.stdout, /^python +Python 3\.\d+\.\d+ +\.py +py/m);
  const list: { id: string }[] = JSON.parse((await gozo(['languages', '--json'])).stdout);
  assert.ok(list.some(({ id }) => id === 'bash'));
});

test('gozo doctor: healthy is exit 0, no server is exit 1 and a finding', async () => {
  const healthy = await gozo(['doctor']);
  assert.equal(healthy.exitCode, 0, healthy.stdout);
  assert.match(healthy.stdout, /^healthy/);
  assert.match(healthy.stdout, /isolation +full/);
  const gone = await gozo(['doctor', '--url', 'http://127.0.0.1:1']);
  assert.equal(gone.exitCode, 1);
  assert.match(gone.stdout, /127\.0\.0\.1:1/);
});

test('gozo --help shows the commands, examples and exit codes', async () => {
  const { exitCode, stdout } = await gozo(['--help']);
  assert.equal(exitCode, 0);
  for (const word of [
    'run',
    'languages',
    'doctor',
    'serve',
    'Examples',
    'Exit codes',
    'GOZO_URL',
  ]) {
    assert.ok(stdout.includes(word), word);
  }
});

/** Folders and programs of private engines that are still there. */
function traces(): readonly string[] {
  const folders = readdirSync(tmpdir()).filter((name) => /^gozo-call-\w{6}$/.test(name));
  const programs = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(tmpdir(), 'gozo-call-'));
  });
  return [...folders, ...programs];
}

test('without a server a private engine serves, as gozolite, and leaves nothing', async () => {
  const child = start(['run', '--local', '-l', 'bash', '-c', 'echo private; sleep 1'], {});
  child.stdin.end();
  const end = ended(child);
  const uid = await eventually('the engine', 20_000, () => serverUid());
  assert.notEqual(uid, 0);
  const ran = await end;
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'private\n'], ran.stderr);
  assert.deepEqual(traces(), []);
});

/** Of a private engine's server, by its command line. */
function serverUid(): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!/gozo-call-\w{6}\/program\/server\.mjs$/.test(command[1] ?? '')) continue;
      return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    } catch {
      // It ended since the folder was read.
    }
  }
  return undefined;
}

test('Ctrl-C clears a private engine away', async () => {
  const child = start(['run', '--local', '-l', 'bash', '-c', 'sleep 50'], {});
  child.stdin.end();
  await eventually('the engine', 20_000, () => serverUid());
  child.kill('SIGINT');
  assert.equal((await ended(child)).exitCode, 130);
  assert.deepEqual(traces(), []);
});

test('even kill -9 leaves no program of a private engine behind', async () => {
  const child = start(['run', '--local', '-l', 'bash', '-c', 'sleep 50'], {});
  child.stdin.end();
  await eventually('the engine', 20_000, () => serverUid());
  child.kill('SIGKILL');
  await ended(child);
  await eventually('their end', 5000, () => (serverUid() === undefined ? true : undefined));
  for (const name of traces()) rmSync(join(tmpdir(), name), { recursive: true, force: true });
});
