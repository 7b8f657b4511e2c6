import type { Outcome } from '@gozolite/contract/outcome';
import { afterAll, expect, test } from 'vitest';
import { command, LIMITS, program } from './commands.js';
import { ownBackend } from './world.js';

/** The contract of packages/sandbox/src/backend.ts, by containers. */
const own = ownBackend();
const { backend } = own;
const never = new AbortController().signal;

afterAll(() => own[Symbol.asyncDispose]());

const limited = (limit: string) => ({ kind: 'limit-exceeded', limit });

const endings: readonly {
  readonly name: string;
  readonly code: string;
  readonly limits?: Partial<typeof LIMITS>;
  readonly outcome: Partial<Outcome> | object;
  readonly hit?: readonly string[];
}[] = [
  { name: 'a clean exit', code: 'pass', outcome: { kind: 'exited', exitCode: 0 } },
  { name: 'an exit code', code: 'raise SystemExit(7)', outcome: { kind: 'exited', exitCode: 7 } },
  {
    name: 'a signal',
    code: 'import os; os.abort()',
    outcome: { kind: 'signalled', signal: 'SIGABRT' },
  },
  {
    name: 'the wall time',
    code: 'import time; time.sleep(60)',
    limits: { wall_time_ms: 300 },
    outcome: limited('wall_time_ms'),
    hit: ['wall_time_ms'],
  },
  {
    name: 'the CPU time',
    code: 'while True: pass',
    limits: { cpu_time_ms: 300 },
    outcome: limited('cpu_time_ms'),
    hit: ['cpu_time_ms'],
  },
  {
    name: 'the memory',
    code: 'block = b"x" * (200 << 20); print(len(block))',
    outcome: limited('memory_kb'),
    hit: ['memory_kb'],
  },
  {
    name: 'the memory of a child that was killed for it',
    code: 'import os\nif os.fork() == 0: bytearray(b"x" * (200 << 20))\nos.wait()',
    outcome: limited('memory_kb'),
    hit: ['memory_kb'],
  },
  {
    name: 'less memory than a runtime needs to start a container',
    code: 'block = b"x" * (12 << 20)',
    limits: { memory_kb: 10 * 1024 },
    outcome: limited('memory_kb'),
    hit: ['memory_kb'],
  },
  {
    name: 'the output',
    code: 'print("x" * 100_000)',
    outcome: limited('output_kb'),
    hit: ['output_kb'],
  },
  {
    name: 'the disk',
    code: 'for n in range(9): open(f"f{n}", "wb").write(b"x" * 1_000_000)',
    outcome: limited('disk_kb'),
    hit: ['disk_kb'],
  },
  {
    name: 'the size of a file',
    code: 'import signal as s; s.signal(s.SIGXFSZ, 0); open("f", "wb").write(b"x" * 5_000_000)',
    outcome: limited('file_kb'),
    hit: ['file_kb'],
  },
  {
    name: 'a refused process that the program copes with',
    code: 'import os\ntry:\n  while True:\n    if os.fork() == 0: os.pause()\nexcept OSError: pass',
    limits: { processes: 5 },
    outcome: { kind: 'exited', exitCode: 0 },
    hit: ['processes'],
  },
];

for (const { name, code, limits, outcome, hit = [] } of endings) {
  test(`an end by ${name}`, async () => {
    const more = { limits: { ...LIMITS, ...limits } };
    const result = await backend.run(command(code, more), { signal: never });
    const words = Buffer.from(result.stderr).toString();
    expect(result.outcome, words).toMatchObject(outcome);
    expect(result.limitsHit).toEqual(hit);
  });
}

test('process 1 is never killed for memory, though it be the largest there is', async () => {
  const signal = AbortSignal.timeout(60_000);
  // The input is process 1's to keep.
  const stdin = Buffer.alloc(24 << 20);
  const hog = 'import os\nwhile True:\n  if os.fork() == 0:\n    b = bytearray(b"x" * (2 << 20))';
  const limits = { ...LIMITS, memory_kb: 16 * 1024, processes: 256 };
  const result = await backend.run(command(hog, { stdin, limits }), { signal });
  expect(result.outcome).toMatchObject(limited('memory_kb'));
});

test('output comes as it is written, with its time, its bytes and its cut', async () => {
  const code = [
    'import sys, time',
    'print("one", flush=True); time.sleep(0.2); print("two", file=sys.stderr); time.sleep(0.2)',
    'sys.stdout.write("x" * 70_000)',
  ].join('\n');
  const chunks: { stream: string; timeUs: number; text: string }[] = [];
  const result = await backend.run(command(code), {
    signal: never,
    onOutput: ({ stream, timeUs, bytes }) =>
      chunks.push({ stream, timeUs, text: Buffer.from(bytes).toString() }),
  });
  expect(chunks[0]).toMatchObject({ stream: 'stdout', text: 'one\n' });
  expect(chunks[1]).toMatchObject({ stream: 'stderr', text: 'two\n' });
  expect(chunks[1]?.timeUs).toBeGreaterThanOrEqual((chunks[0]?.timeUs ?? 0) + 200_000);
  expect(result.stdout.length).toBe(64 * 1024);
  expect(result.usage.stdoutBytes).toBeGreaterThan(64 * 1024);
  expect(result.truncated).toEqual({ stdout: true, stderr: false });
});

test('14 MiB of input arrive, and come back as an artifact', async () => {
  const stdin = Buffer.alloc(14 << 20, 'gozo');
  const code = 'import sys; open("out.bin", "wb").write(sys.stdin.buffer.read())';
  const limits = { ...LIMITS, disk_kb: 32_768, file_kb: 32_768 };
  const more = { stdin, limits, artifacts: ['*.bin'] };
  const result = await backend.run(command(code, more), { signal: never });
  expect(result.outcome).toEqual({ kind: 'exited', exitCode: 0 });
  const [file] = result.artifacts;
  expect(file?.path).toBe('out.bin');
  expect(Buffer.from(file?.content ?? []).equals(stdin)).toBe(true);
});

test('a compile hands its output to any number of runs, each with a copy of its own', async () => {
  const script = [
    'import os; os.makedirs("bin/deep"); os.symlink("bin/deep/tool", "tool")',
    'open("bin/deep/tool", "w").write("#!/bin/sh\\ncat note; echo changed > note\\n")',
    'os.chmod("bin/deep/tool", 0o755); open("note", "w").write("kept\\n")',
  ].join('\n');
  const compiled = await backend.run(command(script, { keepOutput: true }), { signal: never });
  expect(compiled.layer).toBeDefined();
  const { layer } = compiled;
  if (layer === undefined) return;
  for (let round = 0; round < 2; round += 1) {
    const run = program(['/work/tool'], { layer });
    const result = await backend.run(run, { signal: never });
    expect(Buffer.from(result.stdout).toString()).toBe('kept\n');
  }
  await layer[Symbol.asyncDispose]();
  const result = await backend.run(program(['/work/tool'], { layer }), { signal: never });
  expect(result.outcome).toMatchObject({ kind: 'setup-failed', errno: 'LAYER' });
});

test('a failed compile leaves no layer', async () => {
  const failing = command('raise SystemExit(1)', { keepOutput: true });
  const result = await backend.run(failing, { signal: never });
  expect(result.layer).toBeUndefined();
});

test("a toolchain that is not there is a failed step, a user's file is the user's", async () => {
  const absent = await backend.run(program(['/usr/bin/no-such-tool']), { signal: never });
  expect(absent.outcome).toEqual({ kind: 'setup-failed', step: 'exec', errno: 'ENOENT' });
  const own = await backend.run(program(['/work/none']), { signal: never });
  expect(own.outcome).toEqual({ kind: 'exited', exitCode: 127 });
});

test('no two containers that live have one uid', async () => {
  const ids = await Promise.all(
    [1, 2, 3].map(async () => {
      const asked = command('import os, time; print(os.getuid()); time.sleep(1)');
      return Buffer.from((await backend.run(asked, { signal: never })).stdout).toString();
    }),
  );
  expect(new Set(ids).size).toBe(3);
});
