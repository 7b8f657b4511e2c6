import assert from 'node:assert/strict';
import { test } from 'vitest';
import { expectStatus } from '../client.js';
import { speak } from './talking.js';

const terminal = { columns: 100, rows: 30 };

test('a program with a terminal sees one: isatty, size, TERM, and no other', async () => {
  const code = `
import os, sys, termios
print([os.isatty(fd) for fd in (0, 1, 2)], tuple(os.get_terminal_size()), os.environ['TERM'])
print(os.tcgetpgrp(0) == os.getpgrp(), termios.tcgetwinsize(0))
for name in ('/dev/tty', '/dev/ptmx', '/dev/pts/0', '/dev/console'):
    try:
        os.open(name, os.O_RDWR)
        print('opened', name)
    except OSError as error:
        print(name, error.strerror)
`;
  const { ended } = await speak({ language: 'python', code }, { terminal });
  const record = await ended();
  expectStatus(record, 'ok');
  assert.equal(record.stderr, '');
  assert.deepEqual(record.stdout.split('\r\n'), [
    '[True, True, True] (100, 30) xterm-256color',
    'True (30, 100)',
    '/dev/tty No such file or directory',
    '/dev/ptmx No such file or directory',
    '/dev/pts/0 No such file or directory',
    '/dev/console No such file or directory',
    '',
  ]);
});

test('its window changes while it runs, and it is told', async () => {
  const code = 'trap \'stty size\' WINCH; stty size; while read -r line; do echo "$line"; done';
  const { talk, until, ended } = await speak({ language: 'bash', code }, { terminal });
  await until(/30 100/);
  talk.resize({ columns: 132, rows: 50 });
  await talk.write('\n');
  await until(/50 132/);
  talk.end();
  expectStatus(await ended(), 'ok');
});

test('Ctrl-C is a byte, and makes SIGINT; Ctrl-D ends what reads', async () => {
  const code = `
import os, signal, sys
def handle(*_):
    os.write(1, b'interrupted\\n')
signal.signal(signal.SIGINT, handle)
print('ready', flush=True)
print('read', repr(sys.stdin.read()), flush=True)
`;
  const { talk, until, ended } = await speak({ language: 'python', code }, { terminal });
  await until(/ready/);
  await talk.write('\x03');
  await until(/interrupted/);
  await talk.write('abc\n');
  await until(/abc/);
  talk.end();
  await until(/read 'abc\\n'/);
  expectStatus(await ended(), 'ok');
});

test('a shell at a terminal has job control, and a person can use it', async () => {
  const code = "exec env PS1='> ' bash --norc --noprofile --noediting -i";
  const { talk, until, ended } = await speak({ language: 'bash', code }, { terminal });
  await until(/> $/);
  await talk.write('echo $((6 * 7))\r');
  await until(/\r\n42\r\n> $/);
  // Once it has said so, it is the one in the foreground.
  await talk.write("bash -c 'echo up; sleep 1000'\r");
  await until(/\r\nup\r\n/);
  await talk.write('\x1a');
  await until(/Stopped[^\n]*\n.*> $/s);
  await talk.write('kill -9 %1; fg\r');
  await until(/Killed|terminated|no such job/);
  await talk.write('exit 7\r');
  const record = await ended();
  assert.equal(record.exit_code, 7, record.stdout);
  assert.doesNotMatch(record.stdout, /no job control/);
});

test('the REPL of a language answers', async () => {
  const code = 'import os; os.execlp("python3", "python3", "-i", "-q")';
  const { talk, until, ended } = await speak({ language: 'python', code }, { terminal });
  await until(/>>> /);
  await talk.write('21 * 2\r');
  await until(/\n42\r\n/);
  await talk.write('exit()\r');
  expectStatus(await ended(), 'ok');
});

test('nothing can be pushed into a terminal, its own or another', async () => {
  const code = `
import errno, fcntl, os, termios
def tried(what, call):
    try:
        call()
        print(what, 'done')
    except OSError as error:
        print(what, errno.errorcode[error.errno])
tried('TIOCSTI', lambda: fcntl.ioctl(0, termios.TIOCSTI, b'x'))
tried('TIOCLINUX', lambda: fcntl.ioctl(0, 0x541c, b'\\x03'))
tried('TIOCCONS', lambda: fcntl.ioctl(0, termios.TIOCCONS))
tried('TIOCSETD', lambda: fcntl.ioctl(0, termios.TIOCSETD, b'\\x03\\0\\0\\0'))
tried('TIOCGPTPEER', lambda: fcntl.ioctl(0, 0x5441, 2))
tried('mount', lambda: os.listdir('/dev/pts'))
print(os.readlink('/proc/self/fd/0'), sorted(os.listdir('/dev')))
`;
  const { ended } = await speak({ language: 'python', code }, { terminal });
  const record = await ended();
  expectStatus(record, 'ok');
  const lines = record.stdout.split('\r\n');
  assert.deepEqual(lines.slice(0, 6), [
    'TIOCSTI EPERM',
    'TIOCLINUX EPERM',
    'TIOCCONS EPERM',
    'TIOCSETD EPERM',
    'TIOCGPTPEER EIO',
    'mount ENOENT',
  ]);
  // The name is of a file system that nobody has mounted: it tells of no other terminal.
  assert.match(lines[6] ?? '', /^\/0 \['fd', 'full', 'null', 'random', 'shm', /);
});

test('two programs at once have terminals that do not know each other', async () => {
  const code = 'echo ready; read -r line; echo "[$line]"';
  const one = await speak({ language: 'bash', code }, { terminal });
  const two = await speak({ language: 'bash', code }, { terminal });
  await one.until(/ready/);
  await two.until(/ready/);
  await one.talk.write('mine\r');
  await two.talk.write('yours\r');
  const said = [(await one.ended()).stdout, (await two.ended()).stdout];
  assert.match(said[0] ?? '', /\[mine\]/);
  assert.match(said[1] ?? '', /\[yours\]/);
  assert.doesNotMatch(said[0] ?? '', /yours/);
});

test('output at a terminal has the limit of output, and all before it came', async () => {
  const limits = { output_kb: 64, wall_time_ms: 60_000 };
  const { ended, said } = await speak({ language: 'bash', code: 'yes', limits }, { terminal });
  const record = await ended();
  expectStatus(record, 'output_limit_exceeded');
  assert.equal(said().length, 64 * 1024);
});

test('all that a program wrote before it died is there', async () => {
  const code = 'import sys; sys.stdout.write("x" * 200_000); sys.stdout.flush()';
  const limits = { output_kb: 1024, wall_time_ms: 60_000 };
  const { ended } = await speak({ language: 'python', code, limits }, { terminal });
  const record = await ended();
  expectStatus(record, 'ok');
  assert.equal(record.stdout.replaceAll(/[\r\n]/g, '').length, 200_000);
});
