import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../scripts/test/test-server.mjs';
import { eventually } from '../../server-under-test.js';
import { cPrograms, goPrograms } from './programs.js';

/** What is made once of the host's toolchains: C++'s headers at once, Go's library in a minute. */

const MADE_MS_MAX = 240_000;
let server: TestServer;
let gozo: Gozo;

beforeAll(async () => {
  const on = { GOZO_CACHES: '', GOZO_SMOKES: 'false' };
  server = await startTestServer(() => {}, on);
  gozo = new Gozo({ url: server.url });
}, 120_000);

afterAll(async () => {
  assert.deepEqual(await server?.stop(), []);
}, 60_000);

const made = (language: string): Promise<string> =>
  eventually(`the cache of ${language}`, MADE_MS_MAX, async () => {
    const names = readdirSync(join(server.state, 'caches'));
    return names.find((name) => new RegExp(`^${language}-[0-9a-f]{16}$`).test(name));
  });
const cpp = (code: string, args: string[] = []): Promise<Execution> =>
  gozo.execute({ language: 'cpp', code, compile: { args } });
const HELLO = '#include <bits/stdc++.h>\nint main() { std::cout << __cplusplus << std::endl; }';
const NOT_AHEAD = ['-include', '/dev/null'];

test(
  'before it is made programs compile as ever, and after it with half the CPU',
  async () => {
    const before = await cpp(HELLO);
    assert.equal(before.stdout, '202002\n');
    await made('cpp');
    const [ahead, as17, not] = [
      await cpp(HELLO),
      await cpp(HELLO, ['-std=c++17']),
      await cpp(HELLO, NOT_AHEAD),
    ];
    const stdouts = [ahead, as17, not].map(({ stdout }) => stdout);
    assert.deepEqual(stdouts, ['202002\n', '201703\n', '202002\n']);
    const cpuMs = ({ compile }: Execution) => compile?.cpu_time_ms ?? Number.NaN;
    for (const one of [ahead, as17]) {
      assert.ok(cpuMs(one) < cpuMs(not) / 2, `${cpuMs(one)} ms, ${cpuMs(not)} without`);
    }
  },
  MADE_MS_MAX + 60_000,
);

test('errors are told as they are without', async () => {
  const code = '#include <bits/stdc++.h>\nint main() { std::sort(1, 2); }\n';
  const [ahead, not] = [await cpp(code), await cpp(code, NOT_AHEAD)];
  assert.equal(ahead.status, 'compile_error');
  assert.equal(ahead.compile?.stderr, not.compile?.stderr);
});

test('programs see it, and change nothing', async () => {
  const { stdout, stderr } = await gozo.execute({
    language: 'python',
    code: `
import glob, os
place = '/var/cache/gozolite'
header, = glob.glob(place + '/cpp-*/bits/stdc++.h.gch/c++20')
for act in (
    lambda: open(place + '/x', 'w'),
    lambda: open(header, 'r+'),
    lambda: os.remove(header),
    lambda: os.chmod(header, 0o777),
    lambda: os.rename(os.path.dirname(header), place + '/y'),
    lambda: os.mkdir('/var/x'),
):
    try:
        act()
        print('done')
    except OSError as error:
        print(error.errno)
line, = (line for line in open('/proc/self/mountinfo') if f' {place} ' in line)
print(line.split()[5])
`,
  });
  // EACCES of a file that is somebody else's, or EROFS.
  assert.match(stdout, /^(?:(?:13|30)\n){6}ro,nosuid,nodev,noexec,relatime\n$/, stderr);
});

test('with GOZO_CACHES=off there is no such folder', async () => {
  const off = await startTestServer(() => {}, { GOZO_SMOKES: 'false' });
  try {
    const { stdout } = await new Gozo({ url: off.url }).execute({
      language: 'python',
      code: "import os; print(os.path.exists('/var'))",
    });
    assert.equal(stdout, 'False\n');
    assert.equal(existsSync(join(off.state, 'caches')), false);
  } finally {
    assert.deepEqual(await off.stop(), []);
  }
}, 60_000);

test(
  'what go build runs for a plain file, run without it, comes to the same',
  async () => {
    const folder = join(server.state, 'caches', await made('go'));
    assert.ok(existsSync(join(folder, 'direct', 'steps')), 'go build -n was understood');
    const direct: number[] = [];
    const built: number[] = [];
    for (const [name, content] of Object.entries(goPrograms())) {
      const plain = await go(content, []);
      // One file more, and go build has to look at the folder.
      const whole = await go(content, [{ path: 'note.txt', content: 'x' }]);
      assert.deepEqual(told(plain), told(whole), name);
      if (plain.status !== 'ok') continue;
      direct.push(plain.compile?.cpu_time_ms ?? Number.NaN);
      built.push(whole.compile?.cpu_time_ms ?? Number.NaN);
    }
    assert.ok(direct.length >= 15);
    assert.ok(sum(direct) < 0.9 * sum(built), `${sum(direct)} ms, ${sum(built)} by go build`);
  },
  MADE_MS_MAX + 120_000,
);

test(
  'what gcc runs for a lone main.c, run without it, comes to the same in less',
  async () => {
    const folder = join(server.state, 'caches', await made('c'));
    assert.ok(existsSync(join(folder, 'steps')), 'gcc -### was understood');
    const [direct, driven]: [number[], number[]] = [[], []];
    for (const [name, code] of Object.entries(cPrograms())) {
      const plain = await gozo.execute({ language: 'c', code });
      // With an argument, whatever it is, gcc is asked.
      const asked = { language: 'c', code, compile: { args: ['-DASKED'] } };
      const whole = await gozo.execute(asked);
      assert.deepEqual(told(plain), told(whole), name);
      direct.push(plain.compile?.cpu_time_ms ?? Number.NaN);
      driven.push(whole.compile?.cpu_time_ms ?? Number.NaN);
    }
    assert.ok(sum(direct) < sum(driven), `${sum(direct)} ms, ${sum(driven)} by gcc`);
  },
  MADE_MS_MAX + 60_000,
);

const sum = (ms: readonly number[]): number => ms.reduce((all, one) => all + one, 0);

const go = (content: string, more: { path: string; content: string }[]): Promise<Execution> =>
  gozo.execute({ language: 'go', files: [{ path: 'main.go', content }, ...more] });

/** All that a user is told, but for addresses, numbers of goroutines and passing files. */
const told = ({ status, stdout, stderr, exit_code, diagnostics, compile }: Execution) => ({
  ...{ status, stdout, exit_code, diagnostics },
  stderr: stderr.replace(/0x[0-9a-f]+/g, '0x').replace(/goroutine \d+/g, 'goroutine'),
  compile: [
    compile?.exit_code,
    compile?.stdout,
    compile?.stderr.replace(/\/tmp\/\w+\./g, '/tmp/.'),
  ],
});
