import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { Execution } from '@gozolite/contract/execution';
import { loadLanguages } from '@gozolite/languages/load';
import type { LanguageFile } from '@gozolite/languages/schema';
import { smokesOf } from '@gozolite/languages/smokes/smokes';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { parse } from 'yaml';
import { CI_LANGUAGES } from '../../scripts/test/ci-languages.mjs';
import { type OwnServer, startOwnServer } from '../integration/own-server.js';
import { serverUnderTest } from '../server-under-test.js';
import { execute, executeBooted, type Request, seen } from './booted.js';

/** Programs whose interpreter was booted before their request must not be able to tell. */

const PROGRAMS: Readonly<Record<string, Readonly<Record<string, string>>>> = parse(
  readFileSync(new URL('programs.yaml', import.meta.url), 'utf8'),
);
const LANGUAGES = new URL('../../languages/', import.meta.url).pathname;
let cold: OwnServer;
beforeAll(async () => {
  cold = await startOwnServer({ GOZO_PREPARE: 'false' });
});
afterAll(() => cold[Symbol.asyncDispose]());

/** V8's last words about its heap tell addresses and times; Groovy's of an error, when it was;
 * LuaJIT's and Forth's, where their own code lies. */
function withoutAddresses(execution: Execution) {
  const { stderr, ...rest } = seen(execution);
  const timeless = stderr
    .replace(/^.*(?= groovy\.ui\.GroovyMain run$)/m, 'now')
    .replaceAll(/(?:\b0x|\$)[0-9a-f]{8,}/gi, '0x…');
  return { ...rest, stderr: stderr.includes('<--- Last few GCs --->') ? 'heap' : timeless };
}

/** A runtime's threads make one run's memory larger than the next one's: of some the least. */
const MEMORY_ROUNDS = 5;

/** Within a tenth and 2 MB of what a cold run would have used. */
async function assertSameMemory(runs: () => Promise<readonly [Execution, Execution]>) {
  const least = { booted: Number.POSITIVE_INFINITY, cold: Number.POSITIVE_INFINITY };
  for (let round = 0; round < MEMORY_ROUNDS; round += 1) {
    const [booted, cold] = await runs();
    least.booted = Math.min(least.booted, booted.memory_kb);
    least.cold = Math.min(least.cold, cold.memory_kb);
    const most = Math.max(least.booted, least.cold);
    if (Math.abs(least.booted - least.cold) <= most / 10 + 2048) return;
  }
  assert.fail(`${least.booted} KiB booted, ${least.cold} cold`);
}

/** Those outside of CI's list are tried where they are installed. */
const isHere = ({ id, toolchain }: LanguageFile) =>
  CI_LANGUAGES.includes(id) ||
  toolchain.candidates.some((paths) => Object.values(paths).every((path) => existsSync(path)));
const languages = (await loadLanguages([LANGUAGES])).languages.filter(({ file }) => isHere(file));
const runOf = (language: string) => languages.find(({ file }) => file.id === language)?.file.run;
/** Of these a request with an environment of its own starts cold. */
const keepsEnv = (language: string) => runOf(language)?.prepare?.keeps_env === true;
/** These can be told nothing but their program and its input. */
const isHeld = (language: string) => runOf(language)?.holds !== undefined;
/** Of these a request with arguments starts cold. */
const keepsArgs = (language: string) =>
  isHeld(language) || runOf(language)?.prepare?.keeps_args !== undefined;

/** What doesn't parse ends a cold R before it has loaded its packages. */
const ENDS_EARLIER_COLD = ['r syntax_error', 'r no_end'];

for (const [language, programs] of Object.entries(PROGRAMS)) {
  if (!languages.some(({ file }) => file.id === language)) continue;
  describe(language, () => {
    for (const [name, code] of Object.entries(programs)) {
      test(`${name}: booted and cold are the same`, async () => {
        const request = {
          code,
          ...(!keepsArgs(language) && { args: ['one two', '-v'] }),
          ...(!keepsEnv(language) && !isHeld(language) && { env: { GREETING: 'Grüße = "1 2"' } }),
          stdin: 'first\nsecond\n',
        };
        await assertSameMemory(async () => {
          const expected = await execute(cold.url, language, request);
          const booted = await executeBooted(language, request);
          assert.deepEqual(seen(booted), seen(expected));
          return ENDS_EARLIER_COLD.includes(`${language} ${name}`)
            ? [expected, expected]
            : [booted, expected];
        });
      });
    }
  });
}

/** Of languages that are tried only where they are. */
const FEWEST = ['hello', 'uncaught_error', 'several_files'];
/** Of compilers that take seconds, and seconds to be booted, these are enough. */
const FEW = ['hello', 'arguments', 'stdin', 'syntax_error', 'uncaught_error', 'several_files'];

for (const { file } of languages) {
  const { compile, run } = file;
  const prepare = (compile ?? run).prepare ?? run.prepare;
  if (prepare === undefined && run.holds === undefined) continue;
  describe(`${file.id}, its smoke programs`, () => {
    for (const { name, request, expect } of smokesOf(file)) {
      // Which of its own clocks or sizes ended it first is the machine's to say.
      if (expect.status !== 'ok' && expect.limit !== undefined) continue;
      if (prepare?.says_ready && !FEW.includes(name)) continue;
      if (!CI_LANGUAGES.includes(file.id) && !FEWEST.includes(name)) continue;
      if (isHeld(file.id) && (request.args ?? request.env) !== undefined) continue;
      if (keepsArgs(file.id) && request.args !== undefined) continue;
      test(`${name}: booted and cold are the same`, async () => {
        const expected = await execute(cold.url, file.id, request);
        const isReadyToRun = compile === undefined || run.prepare !== undefined;
        const isWhole = isReadyToRun || expected.stage === 'compile';
        const executeHere = isWhole ? executeBooted : executeTwice;
        const booted = await executeHere(file.id, request);
        assert.deepEqual(withoutAddresses(booted), withoutAddresses(expected));
        assert.deepEqual(compilerOf(booted), compilerOf(expected));
      });
    }
  });
}

/** What the compiler said, but for what it took. */
function compilerOf({ compile, diagnostics }: Execution) {
  const { stdout, stderr, exit_code, signal } = compile ?? {};
  return { stdout, stderr, exit_code, signal, diagnostics };
}

async function executeTwice(language: string, request: Request): Promise<Execution> {
  await execute(serverUnderTest().url, language, request);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  return execute(serverUnderTest().url, language, request);
}

const RANDOM: Readonly<Record<string, string>> = {
  python: 'import random, os, uuid; print(random.random(), os.urandom(8).hex(), uuid.uuid4())',
  javascript: "console.log(Math.random(), require('crypto').randomUUID())",
  perl: 'print rand(), "\\n"',
  ruby: "require 'securerandom'; puts rand, Random.seed, SecureRandom.hex, Random.rand(2**99)",
  php: '<?php echo mt_rand(), " ", rand(), " ", random_int(0, PHP_INT_MAX);',
};
for (const [language, code] of Object.entries(RANDOM)) {
  test(`${language}: two that were booted draw other numbers`, async () => {
    const drawn = new Set<string>();
    for (let round = 0; round < 6; round += 1) {
      const { stdout } = await executeBooted(language, { code });
      stdout
        .trim()
        .split(/\s+/)
        .forEach((number) => void drawn.add(number));
    }
    const each = (await executeBooted(language, { code })).stdout.trim().split(/\s+/).length;
    assert.equal(drawn.size, 6 * each);
  });
}

/** Variables that are read before there is a request. */
const READ_AT_BOOT: Readonly<Record<string, readonly [code: string, env: Record<string, string>]>> =
  {
    python: ["import sys; print(hash('a'), sys.flags.hash_randomization)", { PYTHONHASHSEED: '0' }],
    ruby: ['p Encoding.default_external, $:.first', { LC_ALL: 'C', RUBYLIB: '/work/lib' }],
    perl: ['print "$INC[0]\\n"', { PERL5LIB: '/work/lib' }],
    javascript: ['console.log(process.noDeprecation)', { NODE_OPTIONS: '--no-deprecation' }],
    php: ['<?php echo get_cfg_var("cfg_file_path"), "\\n";', { PHPRC: '/work' }],
  };
for (const [language, [code, env]] of Object.entries(READ_AT_BOOT)) {
  test(`${language}: a variable that is read as it boots is obeyed`, async () => {
    const other = await executeBooted(language, { code });
    const expected = await execute(cold.url, language, { code, env });
    const obeyed = await execute(serverUnderTest().url, language, { code, env });
    assert.deepEqual([seen(obeyed), obeyed.prepared], [seen(expected), false]);
    if (language !== 'php') assert.notEqual(obeyed.stdout, other.stdout);
  });
}

test('the CPU time of booting is nobody’s', async () => {
  const least = { cold: Number.POSITIVE_INFINITY, booted: Number.POSITIVE_INFINITY };
  for (let round = 0; round < 5; round += 1) {
    const expected = await execute(cold.url, 'javascript', { code: '' });
    const booted = await executeBooted('javascript', { code: '' });
    least.cold = Math.min(least.cold, expected.cpu_time_ms);
    least.booted = Math.min(least.booted, booted.cpu_time_ms);
  }
  assert.ok(least.booted < least.cold, JSON.stringify(least));
});

const TYPESCRIPT: Readonly<Record<string, Request>> = {
  'a wrong type': { code: 'const x: number = "a";\nlet y: string = 5;' },
  'no syntax': { code: 'const x = ;' },
  'an option of its own': { code: 'function f(a) { return a }', compile: { args: ['--strict'] } },
  'an option that is none': { code: '1', compile: { args: ['--nosuch'] } },
  'a module that is not there': { code: "import { a } from './nosuch.js'; a;" },
  'another target': { code: 'const x: bigint = 1n', compile: { args: ['--target', 'es5'] } },
};
for (const [what, request] of Object.entries(TYPESCRIPT)) {
  test(`a compiler that was booted says the same of ${what}`, async () => {
    await assertSameMemory(async () => {
      const expected = await execute(cold.url, 'typescript', request);
      assert.equal(expected.status, 'compile_error');
      const booted = await executeBooted('typescript', request);
      assert.deepEqual(compilerOf(booted), compilerOf(expected));
      return [booted, expected];
    });
  });
}

test('limits of the request hold in a runtime that was booted before it', async () => {
  const loop = { code: 'while True: pass', limits: { cpu_time_ms: 300, wall_time_ms: 5000 } };
  const memory = { code: 'x = bytearray(200 << 20)', limits: { memory_kb: 65_536 } };
  const file = { code: "open('x', 'wb').write(b'a' * (2 << 20))", limits: { file_kb: 1024 } };
  const processes = {
    code: 'import subprocess\nfor _ in range(99): subprocess.Popen(["sleep", "9"])',
    limits: { processes: 8 },
  };
  const rows = [
    [loop, 'time_limit_exceeded', 'cpu_time_ms'],
    [memory, 'memory_limit_exceeded', 'memory_kb'],
    [file, undefined, undefined],
    [processes, undefined, undefined],
  ] as const;
  for (const [request, status, limit] of rows) {
    const booted = await executeBooted('python', request);
    const expected = await execute(cold.url, 'python', request);
    assert.deepEqual([booted.status, booted.limit], [expected.status, expected.limit]);
    if (status !== undefined) assert.deepEqual([booted.status, booted.limit], [status, limit]);
  }
});

test('a runtime that holds more than the request allows is no reason to fail', async () => {
  // One that has not tried first programs, as the cold one: it knows of nothing to refuse.
  await using unknowing = await startOwnServer({});
  const request = { code: 'print(1)', limits: { memory_kb: 1024 } };
  const expected = await execute(cold.url, 'python', request);
  for (let round = 0; round < 5; round += 1) {
    const execution = await execute(unknowing.url, 'python', request);
    assert.deepEqual([execution.status, execution.limit], [expected.status, expected.limit]);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
});

test('arguments or an environment of its own are nothing that is held can be told', async () => {
  const code = 'echo "$# $1 $GREETING"';
  await executeBooted('bash', { code });
  for (const own of [{ args: ['one two'] }, { env: { GREETING: 'hi' } }]) {
    const expected = await execute(cold.url, 'bash', { code, ...own });
    const booted = await execute(serverUnderTest().url, 'bash', { code, ...own });
    assert.deepEqual([seen(booted), booted.prepared], [seen(expected), false]);
  }
});

test('the time that a held shell has waited is none of its program’s', async () => {
  await executeBooted('bash', { code: ':' });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const { stdout } = await executeBooted('bash', { code: 'echo $SECONDS' });
  assert.equal(stdout, '0\n');
});

test('a program of another name, and one with a network, starts cold', async () => {
  const files = [{ path: 'other.py', content: 'print(__file__)' }];
  const first = await execute(serverUnderTest().url, 'python', { files });
  assert.equal(first.prepared, false);
  assert.equal(first.stdout, '/work/other.py\n');
});
