import assert from 'node:assert/strict';
import { test } from 'vitest';
import { bash, expectStatus, python, run } from './client.js';

test('wall time ends a sleeper, and the limit says so', async () => {
  const execution = await bash('echo before; sleep 30', { limits: { wall_time_ms: 400 } });
  expectStatus(execution, 'time_limit_exceeded');
  assert.equal(execution.limit, 'wall_time_ms');
  assert.equal(execution.stage, 'run');
  assert.equal(execution.stdout, 'before\n');
  assert.ok(
    execution.time_ms >= 400 && execution.time_ms < 400 * 1.05 + 50,
    `${execution.time_ms} ms`,
  );
});

test('CPU time ends a spinner long before its wall time', async () => {
  const limits = { cpu_time_ms: 300, wall_time_ms: 20_000 };
  const execution = await python('while True: pass', { limits });
  expectStatus(execution, 'time_limit_exceeded');
  assert.equal(execution.limit, 'cpu_time_ms');
  assert.ok(execution.cpu_time_ms >= 300 && execution.cpu_time_ms < 1000);
});

test('CPU time of children counts, also of those that ended', async () => {
  const code =
    'while :; do for i in 1 2 3; do (i=0; while ((i++ < 20000)); do :; done) & done; wait; done';
  const execution = await bash(code, {
    limits: { cpu_time_ms: 500, wall_time_ms: 20_000, cpus: 2 },
  });
  expectStatus(execution, 'time_limit_exceeded');
  assert.equal(execution.limit, 'cpu_time_ms');
});

test('memory past its limit is the memory limit, not a signal', async () => {
  const code = 'x = []\nwhile True: x.append(bytearray(1 << 20))';
  const execution = await python(code, { limits: { memory_kb: 65_536 } });
  expectStatus(execution, 'memory_limit_exceeded');
  assert.equal(execution.limit, 'memory_kb');
  assert.ok(execution.memory_kb <= 65_536 + 1024, `${execution.memory_kb} KiB`);
});

test('memory is met in a child as well, whatever the parent exits with', async () => {
  const code = 'python3 -c "x = b\'a\' * (200 << 20)"; exit 0';
  expectStatus(await bash(code, { limits: { memory_kb: 65_536 } }), 'memory_limit_exceeded');
});

test('files in /tmp and /work are memory', async () => {
  const code = 'head -c 100M /dev/zero > /tmp/x; head -c 100M /dev/zero > /work/x';
  const limits = { memory_kb: 65_536, disk_kb: 512 * 1024, file_kb: 512 * 1024 };
  expectStatus(await bash(code, { limits }), 'memory_limit_exceeded');
});

test('limits are those of the request, whatever the one before had asked for', async () => {
  const code =
    'ulimit -n; nproc; df -k --output=size /work /tmp | tail -n 2; echo;' +
    'exec python3 -c "x = bytearray(100 << 20); print(len(x))"';
  const small = { memory_kb: 65_536, disk_kb: 2048, open_files: 64, cpus: 1 };
  const large = { memory_kb: 262_144, disk_kb: 131_072, open_files: 256, cpus: 2 };
  const prepared: boolean[] = [];
  for (const limits of [small, large, large, small, small, large]) {
    const execution = await bash(code, { limits });
    const seen = execution.stdout.trim().split(/\s+/).map(Number).slice(0, 4);
    assert.deepEqual(seen, [limits.open_files, limits.cpus, limits.disk_kb, limits.disk_kb]);
    expectStatus(execution, limits === large ? 'ok' : 'memory_limit_exceeded');
    prepared.push(execution.prepared);
  }
  assert.ok(prepared.includes(true), 'none was made ahead');
});

test('address space is not memory: reserving gigabytes is free', async () => {
  const code =
    'import mmap; m = mmap.mmap(-1, 8 << 30, flags=mmap.MAP_PRIVATE | 0x4000); print("ok")';
  const execution = await python(code, { limits: { memory_kb: 65_536 } });
  expectStatus(execution, 'ok');
});

test('the peak is told: 50 MiB touched are 50 MiB and not twice that', async () => {
  const execution = await python('x = b"a" * (50 << 20)');
  assert.ok(
    execution.memory_kb > 50 * 1024 && execution.memory_kb < 70 * 1024,
    `${execution.memory_kb}`,
  );
});

test('a full disk is the disk limit where the program fails of it', async () => {
  const limits = { disk_kb: 4096, file_kb: 65_536 };
  const failed = await bash('head -c 10M /dev/zero > x', { limits });
  expectStatus(failed, 'disk_limit_exceeded');
  assert.equal(failed.limit, 'disk_kb');
});

test('a program that copes with a full disk is ok, and the limit is told as hit', async () => {
  const limits = { disk_kb: 4096 };
  const execution = await bash('head -c 10M /dev/zero > x; echo coped', { limits });
  expectStatus(execution, 'ok');
  assert.deepEqual(execution.limits_hit, ['disk_kb']);
});

test('a file past file_kb is refused', async () => {
  const execution = await python('open("x", "wb").write(b"a" * (2 << 20))', {
    limits: { file_kb: 1024 },
  });
  assert.notEqual(execution.status, 'ok');
  assert.ok(
    execution.limits_hit?.includes('file_kb') || execution.stderr.includes('File too large'),
  );
});

test('processes past their limit are refused, and a program that fails of it says so', async () => {
  const code =
    'import os, time\nfor i in range(100):\n  if os.fork() == 0: time.sleep(5); os._exit(0)';
  const execution = await python(code, { limits: { processes: 20, wall_time_ms: 8000 } });
  expectStatus(execution, 'process_limit_exceeded');
  assert.equal(execution.limit, 'processes');
});

test('threads count as processes', async () => {
  const code =
    'from threading import Thread\nimport time\n' +
    'for i in range(100): Thread(target=time.sleep, args=(3,), daemon=True).start()';
  expectStatus(await python(code, { limits: { processes: 20 } }), 'process_limit_exceeded');
});

test('open files past their limit are refused by the kernel', async () => {
  const code =
    'f = []\ntry:\n  while True: f.append(open("/dev/null"))\n' +
    'except OSError as e: print(e.errno, len(f))';
  const execution = await python(code, { limits: { open_files: 50 } });
  expectStatus(execution, 'ok');
  const [errno, count] = execution.stdout.trim().split(' ').map(Number);
  assert.equal(errno, 24);
  assert.ok(count !== undefined && count <= 50 && count > 40);
});

test('cpus is what the program can use at once', async () => {
  const code = 'import os; print(len(os.sched_getaffinity(0)))';
  assert.equal((await python(code, { limits: { cpus: 1 } })).stdout, '1\n');
});

test('a deep recursion has a stack as large as its memory', async () => {
  const code =
    'int f(int n){ volatile char a[64]; a[0]=n; return n ? f(n-1) + a[0] * 0 : 0; }\n' +
    'int main(void){ return f(1000000); }';
  expectStatus(await run({ language: 'c', code, compile: { args: ['-O0'] } }), 'ok');
  const small = await run({
    language: 'c',
    code,
    compile: { args: ['-O0'] },
    limits: { stack_kb: 1024 },
  });
  expectStatus(small, 'runtime_error');
  assert.equal(small.signal, 'SIGSEGV');
});

test('a compiler that meets a limit has that limit’s status, in its stage', async () => {
  const bomb = '#define A x,x,x,x,x,x,x,x\n#include __FILE__\nint main(void){}';
  const execution = await run({
    language: 'c',
    code: bomb,
    compile: { limits: { wall_time_ms: 100 }, args: ['-fmax-include-depth=100000000'] },
  });
  assert.equal(execution.stage, 'compile');
  const memory = await run({
    language: 'cpp',
    code: '#include <bits/stdc++.h>\nint main(){}',
    // More than its compiler has as file pages, which are slow to take back; less than it needs.
    compile: { limits: { memory_kb: 96 * 1024 } },
  });
  expectStatus(memory, 'memory_limit_exceeded');
  assert.equal(memory.stage, 'compile');
  assert.equal(memory.compile?.limit, 'memory_kb');
});

test('limits in force are told, asked and default', async () => {
  const { limits } = await bash(':', { limits: { processes: 7 } });
  assert.equal(limits.run.processes, 7);
  assert.equal(limits.run.wall_time_ms, 10_000);
});
