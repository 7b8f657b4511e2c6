import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import { afterAll, beforeAll, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { type OwnServer, startOwnServer } from '../integration/own-server.js';

/** Python once more, with libraries loaded ahead that every Python has. */

const PYTHON = new URL('../../languages/python.yaml', import.meta.url);
const BOOTED_MS_MAX = 60_000;

let folder: string;
let server: OwnServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-loads-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'loading.yaml'), stringify(languageFile()));
  server = await startOwnServer({ GOZO_LANGUAGES: folder });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function languageFile() {
  const { piston, judge0, sets, ...python } = parse(readFileSync(PYTHON, 'utf8'));
  const loads = [
    { lines: ['import decimal'], program: 'import decimal, random' },
    { variant: 'data', lines: ['import sys'], program: 'import decimal' },
  ];
  const prepare = { ...python.run.prepare, loads };
  const names = { id: 'loading', name: 'Loading', aliases: [], extensions: ['.loading'] };
  return { ...python, ...names, run: { ...python.run, prepare } };
}

async function execute(request: object): Promise<Execution> {
  const response = await fetch(new URL('/execute', server.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language: 'loading', ...request }),
  });
  const execution: Execution = JSON.parse(await response.text());
  assert.equal(execution.status, 'ok', JSON.stringify(execution));
  return execution;
}

async function executeBooted(request: object): Promise<Execution> {
  const until = performance.now() + BOOTED_MS_MAX;
  for (;;) {
    const execution = await execute(request);
    if (execution.prepared) return execution;
    assert.ok(performance.now() < until, 'no runtime was ever booted for it');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ASK = "import sys\nprint('decimal' in sys.modules)\n";

test('a program that loads a library finds it loaded; no other does', async () => {
  const { stdout } = await executeBooted({ code: `${ASK}import decimal\n` });
  assert.equal(stdout, 'True\n');
  assert.equal((await executeBooted({ code: ASK })).stdout, 'False\n');
});

test('a file beside it stands before what was loaded', async () => {
  const files = [
    { path: 'main.py', content: 'import decimal\nprint(decimal.OWN)\n' },
    { path: 'decimal.py', content: "OWN = 'own'\n" },
  ];
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await execute({ files })).stdout, 'own\n');
  }
});

test('what was loaded draws other numbers in each', async () => {
  const code = 'import decimal\nimport random\nprint(random.random(), random.getrandbits(64))';
  const drawn = new Set<string>();
  for (let round = 0; round < 5; round += 1) drawn.add((await executeBooted({ code })).stdout);
  assert.equal(drawn.size, 5);
});
