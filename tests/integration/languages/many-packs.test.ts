import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capabilities, Diagnostics } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import { afterAll, beforeAll, test } from 'vitest';
import { plantPack } from '../../planted-packs.js';
import { eventually, readPids, serverUnderTest } from '../../server-under-test.js';
import { get } from '../client.js';
import { type OwnServer, startOwnServer } from '../own-server.js';

/** More packs in use than the launcher keeps roots of. */

const { state, pidsFile } = serverUnderTest();
const PACKS = join(state, 'packs');
/** Roots of packs that the launcher keeps: 24. */
const COUNT = 30;
const VERSIONS = Array.from({ length: COUNT }, (_, at) => String(at + 1));
const SEEN_MS_MAX = 60_000;
const REST_MS = 1_500;

const LANGUAGE = `
id: many
name: Many
aliases: []
extensions: [.many]
source: main.many
toolchain:
  candidates: [{ tool: /usr/bin/many }]
  version: { command: ['{tool}', --version], pattern: 'many (\\S+)' }
packs:
${VERSIONS.map((version) => `  - { version: '${version}', debian: [many] }`).join('\n')}
run: { command: ['{tool}', '{entry}'] }
template: echo hello
smokes:
  hello: { code: 'echo hi', expect: { status: ok, stdout_pattern: '^hi' } }
  exit_code: { code: exit 3, expect: { status: runtime_error, exit_code: 3 } }
not_applicable:
${['stdin', 'arguments', 'unicode', 'syntax_error', 'uncaught_error', 'endless_loop']
  .concat(['memory_hog'])
  .map((name) => `  ${name}: Bash has it`)
  .join('\n')}
`;

let folder = '';
let server: OwnServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-many-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'many.yaml'), LANGUAGE);
  for (const version of VERSIONS) {
    const tool = `#!/usr/bin/bash
      [ "$1" = --version ] && echo "many ${version}.0" && exit
      . "/work/$1"`;
    plantPack(PACKS, `many@${version}`, { 'usr/bin/many': tool, 'etc/number': version });
  }
  server = await startOwnServer({ GOZO_LANGUAGES: folder, GOZO_PACKS: PACKS });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(PACKS, { recursive: true, force: true });
  rmSync(folder, { recursive: true });
});

async function execute(language: string): Promise<Execution> {
  const response = await fetch(`${server.url}/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language, code: 'cat /etc/number' }),
  });
  const execution: Execution = JSON.parse(await response.text());
  return execution;
}

/** The launcher's roots, by the numbers that they got as they were built. */
function newestRoot(): number {
  const mounts = readFileSync(`/proc/${readPids(pidsFile).launcher}/mountinfo`, 'utf8');
  const numbers = [...mounts.matchAll(/\/root-(\d+) /g)].map(([, number]) => Number(number));
  return Math.max(...numbers);
}

test('each is served, over and over, and none is built but for a request', async () => {
  await eventually('all packs', SEEN_MS_MAX, async () => {
    const { languages } = await get<Capabilities>('/capabilities', server.url);
    const many = languages.find(({ id }) => id === 'many');
    return many?.versions.filter(({ available }) => available).length === COUNT || undefined;
  });
  for (let round = 0; round < 3; round += 1) {
    for (const version of VERSIONS) {
      const { status, stdout, error } = await execute(`many@${version}`);
      assert.deepEqual([status, stdout, error ?? null], ['ok', version, null]);
    }
  }
  const { pool } = await get<Diagnostics>('/diagnostics', server.url);
  const ordered = pool?.recipes.filter(({ language }) => language === 'many') ?? [];
  assert.ok(ordered.length > 24, `${ordered.length} kinds are ordered`);
  const before = newestRoot();
  assert.ok(before >= 3 * COUNT, `root ${before}`);
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  assert.equal(newestRoot(), before);
});
