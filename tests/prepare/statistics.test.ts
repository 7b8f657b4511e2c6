import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { Execution } from '@gozolite/contract/execution';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type OwnServer, startOwnServer } from '../integration/own-server.js';
import { eventually, serverUnderTest } from '../server-under-test.js';
import { execute, executeBooted, type Request, seen } from './booted.js';

/** R and Octave, where they are installed: what their requests decide, they take on. */

interface Tried {
  readonly tool: string;
  readonly hello: string;
  /** Numbers that no two runs share. */
  readonly random: string;
  /** A variable that is read before there is a request. */
  readonly readAtBoot: readonly [code: string, env: Record<string, string>];
  readonly limited: readonly Request[];
}

const LANGUAGES: Readonly<Record<'r' | 'octave', Tried>> = {
  r: {
    tool: '/usr/bin/Rscript',
    hello: 'cat(1)',
    random: 'cat(runif(1), rnorm(1), sample(1e9, 1), basename(tempdir()), basename(tempfile()))',
    readAtBoot: ['print(.libPaths())', { R_LIBS: '/tmp' }],
    limited: [
      { code: 'repeat {}', limits: { cpu_time_ms: 500 } },
      { code: 'x <- lapply(1:99, function(n) rep(1.5, 1e6))', limits: { memory_kb: 131_072 } },
      { code: 'cat(rep("a", 2e6), file = "x", sep = "")', limits: { file_kb: 1024 } },
      { code: 'for (n in 1:99) system("sleep 9", wait = FALSE)', limits: { processes: 8 } },
    ],
  },
  octave: {
    tool: '/usr/bin/octave-cli',
    hello: 'disp(1)',
    random: 'printf("%.17g ", rand, randn, rande, randi(1e9)), disp(tempname())',
    readAtBoot: ['disp(numel(strfind(path, "/usr/share/doc")))', { OCTAVE_PATH: '/usr/share/doc' }],
    limited: [
      { code: 'while true, end', limits: { cpu_time_ms: 500 } },
      { code: 'c = {}; while true, c{end + 1} = ones(1000); end', limits: { memory_kb: 131_072 } },
      { code: 'f = fopen("x", "w"); fwrite(f, ones(1, 2e6))', limits: { file_kb: 1024 } },
    ],
  },
};

let cold: OwnServer;
beforeAll(async () => {
  cold = await startOwnServer({ GOZO_PREPARE: 'false' });
});
afterAll(() => cold[Symbol.asyncDispose]());

const here = Object.entries(LANGUAGES).filter(([, { tool }]) => existsSync(tool));
for (const [language, { tool }] of Object.entries(LANGUAGES)) {
  test(`${language} is ${existsSync(tool) ? 'tried' : `NOT tried: ${tool} is not here`}`, () => {
    // The name is what it has to say.
  });
}
for (const [language, tried] of here) {
  const { hello: code } = tried;
  describe(language, () => {
    test('two that were booted draw other numbers', async () => {
      const drawn: string[] = [];
      for (let round = 0; round < 4; round += 1) {
        const { stdout } = await executeBooted(language, { code: tried.random });
        drawn.push(...stdout.trim().split(/\s+/));
      }
      assert.deepEqual([drawn.length, new Set(drawn).size], [20, 20]);
    });

    test('a variable that is read as it boots is obeyed', async () => {
      const [asks, env] = tried.readAtBoot;
      const other = await executeBooted(language, { code: asks });
      const expected = await execute(cold.url, language, { code: asks, env });
      const obeyed = await execute(serverUnderTest().url, language, { code: asks, env });
      assert.deepEqual([seen(obeyed), obeyed.prepared], [seen(expected), false]);
      assert.notEqual(obeyed.stdout, other.stdout);
    });

    test('limits of the request hold', async () => {
      for (const request of tried.limited) {
        const booted = await executeBooted(language, request);
        const expected = await execute(cold.url, language, request);
        const told = ({ status, limit, exit_code }: Execution) => [status, limit, exit_code];
        assert.deepEqual(told(booted), told(expected));
      }
    });

    test('the CPU time of booting is nobody’s', async () => {
      const least = { cold: Number.POSITIVE_INFINITY, booted: Number.POSITIVE_INFINITY };
      for (let round = 0; round < 4; round += 1) {
        const expected = await execute(cold.url, language, { code });
        const booted = await executeBooted(language, { code });
        least.cold = Math.min(least.cold, expected.cpu_time_ms);
        least.booted = Math.min(least.booted, booted.cpu_time_ms);
      }
      assert.ok(least.booted < least.cold / 2, JSON.stringify(least));
    });

    test('what the runtime alone takes is refused, and a little more is enough', async () => {
      const refused = await eventually('its first program has ended', 150_000, async () => {
        const low = { code, limits: { memory_kb: 1024 } };
        const answer = JSON.stringify(await post(language, low));
        return answer.includes('LIMIT_TOO_LOW') ? answer : undefined;
      });
      const figure = Number(/the (\d+) KiB that the runtime/.exec(refused)?.[1]);
      const enough = { code, limits: { memory_kb: figure + 4096 } };
      const expected = await execute(cold.url, language, enough);
      assert.equal(expected.status, 'ok', JSON.stringify(expected));
      assert.deepEqual(seen(await executeBooted(language, enough)), seen(expected));
    });
  });
}

/** Its answer, whatever it is. */
async function post(language: string, request: object): Promise<unknown> {
  const response = await fetch(new URL('/execute', serverUnderTest().url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language, ...request }),
  });
  return response.json();
}

if (existsSync(LANGUAGES.octave.tool)) {
  test('Octave can be told no arguments: with some it starts cold', async () => {
    const code = 'argv(), nargin';
    await executeBooted('octave', { code });
    const request = { code, args: ['one two', '-v'] };
    const expected = await execute(cold.url, 'octave', request);
    const told = await execute(serverUnderTest().url, 'octave', request);
    assert.deepEqual([seen(told), told.prepared], [seen(expected), false]);
  });
}
