import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Diagnostics } from '@gozolite/contract/capabilities';
import { afterAll, beforeAll, test } from 'vitest';
import {
  sandboxProcesses,
  startTestServer,
  type TestServer,
} from '../../scripts/test/test-server.mjs';
import { get, run } from '../integration/client.js';
import { eventually } from '../server-under-test.js';

/** What the other suites mean by "nothing is left" where runtimes wait for requests. */

const BOOTED_MS_MAX = 150_000;
/** Held in its own start, and booted by a program of ours. */
const LANGUAGES = ['bash', 'python'];
const HELLOS = [
  { language: 'bash', code: 'echo 42' },
  { language: 'python', code: 'print(42)' },
];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(() => {}, { GOZO_SMOKES: 'false' });
});
afterAll(async () => {
  assert.deepEqual(await server.stop(), []);
});

const names = (): readonly string[] => sandboxProcesses(server.uidBase).map(nameOf);

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'gone'; // Ended since the folder was read.
  }
}

/** The languages of which a runtime waits. */
async function waiting(): Promise<ReadonlySet<string>> {
  const { pool } = await get<Diagnostics>('/diagnostics', server.url);
  const rows = pool?.recipes.filter(({ ready }) => ready > 0) ?? [];
  return new Set(rows.map(({ language }) => language));
}

test('runtimes that wait are no processes of a program, and a program has some', async () => {
  for (const hello of HELLOS) assert.equal((await run(hello, server.url)).stdout, '42\n');
  await eventually('both runtimes wait', BOOTED_MS_MAX, async () => {
    const there = await waiting();
    return LANGUAGES.every((language) => there.has(language)) || undefined;
  });
  // What is being made for the next request may still be on its way.
  await eventually(
    'no process of a program',
    20_000,
    () => names().length === 0 || undefined,
  ).catch(() => assert.deepEqual(names(), []));
  const ends = run({ language: 'bash', code: 'sleep 3; echo 42' }, server.url);
  await eventually('a process of a program', 20_000, () => names().includes('bash') || undefined);
  assert.equal((await ends).stdout, '42\n');
});
