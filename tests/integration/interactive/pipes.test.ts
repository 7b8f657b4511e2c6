import assert from 'node:assert/strict';
import { test } from 'vitest';
import { expectStatus } from '../client.js';
import { openRaw, speak } from './talking.js';

const ECHO = `
import sys
print('ready', flush=True)
for line in sys.stdin:
    print('got ' + line.strip(), flush=True)
print('end', flush=True)
`;

test('a program reads line by line what is sent while it runs, and its input ends', async () => {
  const { talk, until, ended } = await speak({ language: 'python', code: ECHO });
  await until(/ready/);
  await talk.write('one\n');
  await until(/got one/);
  await talk.write('two\n');
  await until(/got two/);
  talk.end();
  const record = await ended();
  expectStatus(record, 'ok');
  assert.equal(record.stdout, 'ready\ngot one\ngot two\nend\n');
  assert.deepEqual(await talk.ended, record);
});

test('events come in their order, and output has its time', async () => {
  const { talk, event, until } = await speak({ language: 'bash', code: 'read x; echo "<$x>"' });
  const queued = await event('queued');
  assert.match(queued.id, /^exe_/);
  await event('started');
  await talk.write('a b\n');
  const output = await event('output');
  assert.equal(output.stage, 'run');
  assert.ok(output.time_ms > 0);
  await until(/<a b>/);
  expectStatus(await talk.ended, 'ok');
});

test('what compiles says so, and its run is talked to', async () => {
  const code = '#include <stdio.h>\nint main() { int n; scanf("%d", &n); printf("%d\\n", n * 2); }';
  const { talk, event } = await speak({ language: 'c', code });
  await event('compiling');
  await event('started');
  await talk.write('21\n');
  const record = await talk.ended;
  expectStatus(record, 'ok');
  assert.equal(record.stdout, '42\n');
});

test('the input of the request comes first, and what comes before the start is kept', async () => {
  const { talk } = await speak({ language: 'bash', code: 'cat', stdin: 'first ' });
  await talk.write('second');
  talk.end();
  assert.equal((await talk.ended).stdout, 'first second');
});

test('every byte passes both ways', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const { talk } = await speak({ language: 'bash', code: 'cat' });
  await talk.write(bytes);
  talk.end();
  const record = await talk.ended;
  assert.deepEqual(Buffer.from(record.stdout, record.stdout_encoding ?? 'utf8'), bytes);
});

test('SIGINT is the program’s to handle, and SIGTERM ends one that does not', async () => {
  const code = `
import os, signal, sys
def handle(*_):
    os.write(1, b'interrupted\\n')
signal.signal(signal.SIGINT, handle)
print('ready', flush=True)
while True:
    signal.pause()
`;
  const { talk, until, ended } = await speak({ language: 'python', code });
  await until(/ready/);
  talk.signal('SIGINT');
  await until(/interrupted/);
  talk.signal('SIGTERM');
  const record = await ended();
  expectStatus(record, 'runtime_error');
  assert.equal(record.signal, 'SIGTERM');
});

test('a signal reaches the whole process group, and nobody outside of it', async () => {
  const code = `
import os, signal, sys
def say(text):
    os.write(1, (text + '\\n').encode())
def listen(name):
    signal.signal(signal.SIGUSR1, lambda *_: say(name + ' heard'))
    say(name + ' up')
def child(name, leaves):
    if os.fork() == 0:
        if leaves:
            os.setsid()
        listen(name)
        while True:
            signal.pause()
child('one', False)
child('other', True)
listen('parent')
sys.stdin.read()
`;
  const { talk, until, ended } = await speak({ language: 'python', code });
  for (const name of ['one', 'other', 'parent']) await until(new RegExp(`${name} up`));
  talk.signal('SIGUSR1');
  for (const name of ['one', 'parent']) await until(new RegExp(`${name} heard`));
  talk.end();
  const record = await ended();
  expectStatus(record, 'ok');
  assert.doesNotMatch(record.stdout, /other heard/);
});

test('SIGKILL ends a program that ignores the rest, as a signal of its own', async () => {
  const code = "trap '' INT TERM; echo ready; while :; do sleep 0.05; done";
  const { talk, until, ended } = await speak({ language: 'bash', code });
  await until(/ready/);
  talk.signal('SIGINT');
  talk.signal('SIGTERM');
  talk.signal('SIGKILL');
  const record = await ended();
  expectStatus(record, 'runtime_error');
  assert.equal(record.signal, 'SIGKILL');
});

test('orphans are reaped while signals are listened for', async () => {
  const code = `
import os, sys
for _ in range(300):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
print('done', flush=True)
sys.stdin.read()
`;
  const limits = { processes: 16, wall_time_ms: 60_000 };
  const { talk, until, ended } = await speak({ language: 'python', code, limits });
  await until(/done/);
  talk.end();
  expectStatus(await ended(), 'ok');
});

test('without a terminal there is none', async () => {
  const code = 'test -t 0 || test -t 1 || echo none';
  const { talk } = await speak({ language: 'bash', code });
  talk.end();
  assert.equal((await talk.ended).stdout, 'none\n');
});

test('limits hold as ever: time, output', async () => {
  const slow = await speak({ language: 'bash', code: 'cat', limits: { wall_time_ms: 300 } });
  const late = await slow.talk.ended;
  expectStatus(late, 'time_limit_exceeded');
  assert.equal(late.limit, 'wall_time_ms');
  const loud = await speak({ language: 'bash', code: 'yes', limits: { output_kb: 64 } });
  expectStatus(await loud.talk.ended, 'output_limit_exceeded');
});

test('a flood of input waits for its program, and a signal still gets through', async () => {
  const code = "trap 'echo heard; exec 0<&-; exit 0' INT; echo ready; while :; do sleep 0.05; done";
  const { talk, until, ended } = await speak({ language: 'bash', code });
  await until(/ready/);
  let written = 0;
  const flood = (async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    while (written < 256 * piece.length) {
      await talk.write(piece);
      written += piece.length;
    }
  })();
  talk.signal('SIGINT');
  await until(/heard/);
  expectStatus(await ended(), 'ok');
  await flood;
});

test('who floods past the window is not read from, and loses nothing', async () => {
  const raw = openRaw();
  await new Promise((resolve) => raw.socket.once('open', resolve));
  const code = 'sleep 1; wc -c';
  const request = { language: 'bash', code, limits: { wall_time_ms: 60_000 } };
  raw.socket.send(JSON.stringify({ type: 'start', request }));
  const piece = Buffer.alloc(512 * 1024, 'x');
  const count = 64;
  for (let sent = 0; sent < count; sent += 1) raw.socket.send(piece);
  raw.socket.send('{"type":"eof"}');
  const { code: closedWith, messages } = await raw.closed;
  assert.equal(closedWith, 1000);
  const last = messages.at(-1);
  assert.ok(last?.type === 'ended', JSON.stringify(last));
  assert.equal(last.record.stdout.trim(), String(count * piece.length));
});

test('a slow reader holds the program up, and gets all of it', async () => {
  const raw = openRaw();
  await new Promise((resolve) => raw.socket.once('open', resolve));
  const code = 'head -c 8388608 /dev/zero | tr "\\0" x; echo end >&2';
  const limits = { wall_time_ms: 60_000, output_kb: 16_384 };
  raw.socket.send(JSON.stringify({ type: 'start', request: { language: 'bash', code, limits } }));
  await raw.first('started');
  raw.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  raw.socket.resume();
  const { messages } = await raw.closed;
  const bytes = messages.reduce((sum, message) => {
    return message.type === 'output' && message.stream === 'stdout'
      ? sum + message.content.length
      : sum;
  }, 0);
  assert.equal(bytes, 8 * 1024 * 1024);
  const last = messages.at(-1);
  assert.ok(last?.type === 'ended');
  expectStatus(last.record, 'ok');
});
