import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWorld, type World } from '../hostile/worlds.js';
import { python, start } from '../vm/sandbox.js';
import { swapTold } from './swap.js';

/** What no row of cases/ can say: the figure that is told of memory, and swap. */
const ROOT = join(import.meta.dirname, '../..');
const LAUNCHER = process.env.GOZO_TEST_LAUNCHER ?? join(ROOT, 'build/sandboxd');
const TEST_MS_MAX = 120_000;
const MIB_KB = 1024;
const HELD_MIB = 48;
/** Large programs that only compilers map: this kernel can drop them from its page cache. */
const COMPILERS = '/usr/lib/gcc/x86_64-linux-gnu';
const DROP = `
import os, sys
for path in sys.argv[1:]:
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
`;

let world: World;

beforeAll(async () => {
  world = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 21_001 });
}, TEST_MS_MAX);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, TEST_MS_MAX);

test(
  'limit-memory-told: reading cold files afterwards makes the peak no smaller',
  async () => {
    const files = readdirSync(COMPILERS, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\/(cc1|cc1plus|lto1)$/.test(name))
      .map((name) => join(COMPILERS, name));
    expect(files.length).toBeGreaterThan(0);
    execFileSync('/usr/bin/python3', ['-c', DROP, ...files]);
    const code = `
import time
block = b'x' * (${HELD_MIB} << 20)
time.sleep(0.5)
del block
for path in ${JSON.stringify(files)}:
    with open(path, 'rb', 0) as file:
        while file.read(1 << 20): pass
print('DONE')
`;
    const { outcome, usage, stdout } = await start(world.backend, python(code)).ended;
    expect([outcome.kind, Buffer.from(stdout).toString()]).toEqual(['exited', 'DONE\n']);
    expect(usage.memoryKb).toBeGreaterThan(HELD_MIB * MIB_KB);
    expect(usage.memoryKb).toBeLessThan((HELD_MIB + 16) * MIB_KB);
  },
  TEST_MS_MAX,
);

test(
  'limit-no-swap: the kernel is told that a sandbox has none',
  async () => {
    const told = await swapTold(world);
    expect(told.length).toBeGreaterThan(0);
    for (const each of told) expect(each).toMatch(/^memory\.(swap\.max|swappiness) 0$/);
  },
  TEST_MS_MAX,
);
