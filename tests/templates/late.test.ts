import assert from 'node:assert/strict';
import { statSync, utimesSync } from 'node:fs';
import type { Execution } from '@gozolite/contract/execution';
import { test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';

/** A request that finds no runtime that waits starts from its template; by that it can be seen. */

const WHERE_FROM = `
with open('/proc/self/environ', 'rb') as file:
    print(b'LD_AUDIT=' in file.read())
`;
const TEMPLATE_MS_MAX = 60_000;
const AT_ONCE = 24;

interface Pool {
  readonly recipes: readonly { readonly language: string; readonly templated: number }[];
}

async function execute(url: string, body: object): Promise<Execution> {
  const response = await fetch(new URL('/execute', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language: 'python', ...body }),
  });
  assert.equal(response.status, 200);
  const execution: Execution = JSON.parse(await response.text());
  return execution;
}

async function untilTemplated(url: string): Promise<void> {
  for (const until = performance.now() + TEMPLATE_MS_MAX; ; ) {
    const response = await fetch(new URL('/diagnostics', url));
    const { pool }: { pool: Pool } = JSON.parse(await response.text());
    if (pool.recipes.some((each) => each.language === 'python' && each.templated > 0)) return;
    assert.ok(performance.now() < until, 'no template was ever made');
    await execute(url, { code: 'print(1)' });
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Of so many at once most find none that waits. */
async function burst(url: string, body: object): Promise<Execution[]> {
  return await Promise.all(Array.from({ length: AT_ONCE }, () => execute(url, body)));
}

test('those of a burst that find nothing start from the template, counted alike', async () => {
  await using server = await startOwnServer({});
  await untilTemplated(server.url);
  const runs = await burst(server.url, { code: WHERE_FROM });
  const late = runs.filter(({ prepared, stdout }) => !prepared && stdout === 'True\n');
  assert.deepEqual([...new Set(runs.map(({ status }) => status))], ['ok']);
  assert.ok(late.length >= AT_ONCE / 3, `${late.length} of ${AT_ONCE} started from the template`);
  await using cold = await startOwnServer({ GOZO_PREPARE: 'false' });
  const { memory_kb: memoryKb = 0 } = await execute(cold.url, { code: WHERE_FROM });
  for (const { memory_kb: kb = 0 } of late) {
    assert.ok(Math.abs(kb - memoryKb) <= memoryKb / 10 + 2048, `${kb} KB, cold ${memoryKb}`);
  }
  // What its start used is not the program's: booting alone takes more.
  const used = late.map(({ cpu_time_ms: ms = 0 }) => ms).sort((one, other) => one - other);
  const { cpu_time_ms: coldMs = 0 } = await execute(cold.url, { code: WHERE_FROM });
  assert.ok((used[0] ?? 0) < coldMs, `${used[0]} ms of CPU, cold ${coldMs}`);
});

test('its limits hold, and what fits into none starts cold', async () => {
  await using server = await startOwnServer({});
  await untilTemplated(server.url);
  const hog = { code: 'x = bytearray(400_000_000)\nprint(len(x))', limits: { memory_kb: 65_536 } };
  const endless = { code: 'while True: pass', limits: { cpu_time_ms: 300 } };
  const [hogs, loops] = [await burst(server.url, hog), await burst(server.url, endless)];
  assert.deepEqual([...new Set(hogs.map(({ status }) => status))], ['memory_limit_exceeded']);
  assert.deepEqual([...new Set(loops.map(({ limit }) => limit))], ['cpu_time_ms']);
  // With an environment that Python reads as it boots, none serves.
  const own = await burst(server.url, { code: WHERE_FROM, env: { PYTHONUTF8: '1' } });
  assert.deepEqual([...new Set(own.map(({ stdout }) => stdout))], ['False\n']);
});

const A_LIBRARY = `
with open('/proc/self/maps') as file:
    paths = {line.split()[-1] for line in file if '.so' in line}
print(min(path for path in paths if 'ld-linux' not in path and 'libc' not in path))
`;

test('a library has changed: they start cold, and then from a new template', async () => {
  await using server = await startOwnServer({});
  await untilTemplated(server.url);
  const library = (await execute(server.url, { code: A_LIBRARY })).stdout.trim();
  const { atime, mtime } = statSync(library);
  try {
    utimesSync(library, atime, new Date(mtime.getTime() + 1000));
    const changed = await burst(server.url, { code: WHERE_FROM });
    assert.deepEqual([...new Set(changed.map(({ status }) => status))], ['ok']);
    // The third that does not fit ends the template; the last of these may have the next one's.
    const cold = changed.filter(({ prepared, stdout }) => !prepared && stdout === 'False\n');
    assert.ok(cold.length > 0, 'each started from a template that no longer fits');
    for (const until = performance.now() + TEMPLATE_MS_MAX; ; ) {
      const runs = await burst(server.url, { code: WHERE_FROM });
      if (runs.some(({ prepared, stdout }) => !prepared && stdout === 'True\n')) break;
      assert.ok(performance.now() < until, 'no template was made of the new one');
    }
  } finally {
    utimesSync(library, atime, mtime);
  }
});
