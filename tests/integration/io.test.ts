import assert from 'node:assert/strict';
import { test } from 'vitest';
import { bash, expectStatus, MIB, python } from './client.js';

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const OUTPUT_MAX = { output_kb: 16 * 1024 };

function bytesOf(text: string, encoding: 'base64' | undefined): Buffer {
  return Buffer.from(text, encoding ?? 'utf8');
}

test('every byte passes through stdin and stdout', async () => {
  const stdin = Buffer.concat([ALL_BYTES, Buffer.from('\r\n\0end')]);
  const execution = await bash('cat; cat /dev/null', {
    stdin: stdin.toString('base64'),
    stdin_encoding: 'base64',
  });
  assert.equal(execution.stdout_encoding, 'base64');
  assert.deepEqual(bytesOf(execution.stdout, execution.stdout_encoding), stdin);
});

test('every byte passes through stderr, and text stays text', async () => {
  const execution = await bash("printf 'a\\0b\\n\\u00e9'; printf '\\377' >&2");
  assert.equal(execution.stdout, 'a\0b\né');
  assert.equal(execution.stdout_encoding, undefined);
  assert.equal(execution.stderr, '/w==');
  assert.equal(execution.stderr_encoding, 'base64');
});

test('16 MB of stdin and 16 MB of stdout pass', { timeout: 60_000 }, async () => {
  const stdin = 'abcdefgh'.repeat(2_000_000);
  const execution = await bash('cat', { stdin, limits: OUTPUT_MAX });
  expectStatus(execution, 'ok');
  assert.equal(execution.stdout_bytes, stdin.length);
  assert.ok(execution.stdout === stdin, 'the output is not the input');
});

test('16 MiB of bytes that are no text come back as base64', { timeout: 60_000 }, async () => {
  const code = 'import sys; sys.stdout.buffer.write(b"\\xff" * (16 * 1024 * 1024))';
  const execution = await python(code, { limits: OUTPUT_MAX });
  expectStatus(execution, 'ok');
  const bytes = bytesOf(execution.stdout, execution.stdout_encoding);
  assert.ok(bytes.equals(Buffer.alloc(16 * MIB, 0xff)));
});

test('a program that never reads its 16 MB of stdin ends as it likes', async () => {
  const execution = await bash('echo done', { stdin: 'x'.repeat(16 * MIB) });
  expectStatus(execution, 'ok');
  assert.equal(execution.stdout, 'done\n');
});

test('output at its limit is whole, one byte more ends the run and is told', async () => {
  const limits = { output_kb: 64 };
  const just = await python('import sys; sys.stdout.write("x" * 65536)', { limits });
  expectStatus(just, 'ok');
  assert.equal(just.stdout.length, 65_536);
  const over = await python('import sys; sys.stdout.write("x" * 65537)', { limits });
  expectStatus(over, 'output_limit_exceeded');
  assert.equal(over.limit, 'output_kb');
  assert.equal(over.stdout.length, 65_536);
  assert.deepEqual(over.truncated, { stdout: true, stderr: false });
  assert.ok(over.stdout_bytes >= 65_537);
});

test('each stream has the limit for itself', async () => {
  const code = 'import sys; sys.stdout.write("o" * 65536); sys.stderr.write("e" * 65536)';
  const execution = await python(code, { limits: { output_kb: 64 } });
  expectStatus(execution, 'ok');
  assert.equal(execution.stdout.length + execution.stderr.length, 2 * 65_536);
});

for (const [character, bytes] of [
  ['é', 2],
  ['€', 3],
  ['🙂', 4],
] as const) {
  for (const offset of [1, 2, 3]) {
    test(`a character of ${bytes} bytes is not cut in two, ${offset} off`, async () => {
      const code = `import sys; sys.stdout.write("${'a'.repeat(offset)}" + "${character}" * 2000)`;
      const execution = await python(code, { limits: { output_kb: 1 } });
      expectStatus(execution, 'output_limit_exceeded');
      assert.equal(execution.stdout_encoding, undefined, 'text became base64');
      assert.match(execution.stdout, new RegExp(`^a{${offset}}(${character})*$`, 'u'));
      assert.ok(1024 - Buffer.byteLength(execution.stdout) < bytes);
    });
  }
}

test('no output at all may be asked for', async () => {
  const execution = await bash('true', { limits: { output_kb: 0 } });
  expectStatus(execution, 'ok');
  expectStatus(await bash('echo x', { limits: { output_kb: 0 } }), 'output_limit_exceeded');
});

test('endless output ends soon, whoever writes it', async () => {
  const execution = await bash('yes & yes >&2 & wait', { limits: { output_kb: 128 } });
  expectStatus(execution, 'output_limit_exceeded');
  assert.ok(execution.time_ms < 5000, `${execution.time_ms} ms`);
});

test('stdout of a program that writes bit by bit is in order', async () => {
  const execution = await bash('for i in $(seq 2000); do echo $i; done');
  const numbers = Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`);
  assert.equal(execution.stdout, numbers.join(''));
});
