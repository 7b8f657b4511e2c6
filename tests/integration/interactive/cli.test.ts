import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'vitest';
import { testUrl } from '../client.js';
import { BUILD } from '../own-server.js';

interface Typed {
  type(text: string): void;
  /** Until what it has shown matches. */
  until(pattern: RegExp): Promise<string>;
  readonly child: ChildProcessWithoutNullStreams;
  readonly exitCode: Promise<number | null>;
  readonly stderr: () => string;
}

function follow(child: ChildProcessWithoutNullStreams): Typed {
  const said = { stdout: '', stderr: '' };
  let look = () => {};
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      look();
    });
  }
  let hasEnded = false;
  const exitCode = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      hasEnded = true;
      resolve(code);
      look();
    });
  });
  // What it does not read any more is no fault of the test.
  child.stdin.on('error', () => undefined);
  return {
    ...{ child, exitCode, stderr: () => said.stderr },
    type: (text) => void child.stdin.write(text),
    until: async (pattern) => {
      while (!pattern.test(said.stdout)) {
        assert.ok(!hasEnded, `it ended before ${pattern}: ${JSON.stringify(said)}`);
        await new Promise<void>((resolve) => {
          look = resolve;
        });
      }
      return said.stdout;
    },
  };
}

const ENV = { PATH: process.env.PATH, NO_COLOR: '1', TERM: 'xterm', GOZO_URL: testUrl() };
const GOZO = join(BUILD, 'gozo.mjs');

function gozo(...args: readonly string[]): Typed {
  return follow(spawn(process.execPath, [GOZO, ...args], { env: ENV }));
}

/** The same at a terminal, as a person has one. */
function gozoAtTerminal(...args: readonly string[]): Typed {
  const quoted = [process.execPath, GOZO, ...args].map((arg) => `'${arg}'`).join(' ');
  return follow(spawn('script', ['-qefc', quoted, '/dev/null'], { env: ENV }));
}

test('gozo run --interactive passes lines on, and exits as the program does', async () => {
  const code = 'echo ready; while read -r line; do echo "<$line>"; done; exit 3';
  const { type, until, child, exitCode } = gozo('run', '-i', '-l', 'bash', '-c', code);
  await until(/ready/);
  type('one\n');
  await until(/<one>/);
  type('two\n');
  await until(/<two>/);
  child.stdin.end();
  assert.equal(await exitCode, 3);
});

test('Ctrl-C is the program’s, and the second at once is ours', async () => {
  const code = "trap 'echo again' INT; echo ready; while :; do sleep 0.05; done";
  const { until, child, exitCode } = gozo('run', '-i', '-l', 'bash', '-c', code);
  await until(/ready/);
  child.kill('SIGINT');
  await until(/again/);
  child.kill('SIGINT');
  child.kill('SIGINT');
  await until(/again/);
  child.kill('SIGTERM');
  assert.notEqual(await exitCode, 0);
});

test('gozo run --tty gives a shell at a terminal, where every key is its', async () => {
  const code = 'exec env PS1="> " bash --norc --noprofile --noediting -i';
  const { type, until, exitCode } = gozoAtTerminal('run', '--tty', '-l', 'bash', '-c', code);
  await until(/> $/);
  type('test -t 0 && echo "a $TERM"\r');
  await until(/\r+\na xterm\r+\n/);
  type("bash -c 'echo up; sleep 1000'\r");
  await until(/\r+\nup\r+\n/);
  type('\x03');
  await until(/\^C.*> $/s);
  type('exit 7\r');
  assert.equal(await exitCode, 7);
});

test('what is refused is told as by gozo run', async () => {
  const { exitCode, stderr } = gozo('run', '-i', '-l', 'pyton', '-c', '1');
  assert.equal(await exitCode, 64);
  assert.match(stderr(), /UNKNOWN_LANGUAGE/);
});
