import { afterAll, expect, test } from 'vitest';
import { command, LIMITS } from './commands.js';
import { ownBackend } from './world.js';

/**
 * Memory that runs out fast, in ways that take long to give back: process 1 has to outlive it to
 * tell of it, whose own next page is charged to the same group.
 */
const own = ownBackend();
afterAll(() => own[Symbol.asyncDispose]());

const TIMES = 8;
const MEMORY = { ...LIMITS, memory_kb: 32 * 1024, disk_kb: 256 * 1024, file_kb: 256 * 1024 };

const HOGS: Readonly<Record<string, string>> = {
  'anonymous memory': 'blocks = []\nwhile True: blocks.append(bytearray(8 << 20))',
  'children that each take some':
    'import os\nwhile True:\n  if os.fork() == 0:\n    b = bytearray(b"x" * (2 << 20))\n' +
    '    import time; time.sleep(9)',
  'threads that each take some':
    'import threading\ndef take():\n  b = []\n  while True: b.append(bytearray(1 << 20))\n' +
    'for _ in range(16): threading.Thread(target=take).start()',
  'page tables':
    'import mmap\nm = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | 0x20 | 0x4000)\n' +
    'for at in range(0, 64 << 30, 2 << 20): m[at]',
  'files in memory':
    'with open("/tmp/f", "wb") as f:\n  while True: f.write(bytes(1 << 20)); f.flush()',
  'files without a name':
    'import os\nf = os.memfd_create("f")\nwhile True: os.write(f, bytes(1 << 20))',
};

for (const [name, code] of Object.entries(HOGS)) {
  test(`${TIMES} times ${name}: each ends by the memory limit`, async () => {
    const ends: unknown[] = [];
    const signal = AbortSignal.timeout(120_000);
    const one = async (): Promise<void> => {
      while (ends.length < TIMES) {
        const at = ends.push(null) - 1;
        const { outcome } = await own.backend.run(command(code, { limits: MEMORY }), { signal });
        ends[at] = outcome;
      }
    };
    await Promise.all([one(), one()]);
    const limited = { kind: 'limit-exceeded', limit: 'memory_kb' };
    expect(ends).toMatchObject(ends.map(() => limited));
  });
}
