import assert from 'node:assert/strict';
import { test } from 'vitest';
import { bash, expectStatus, load, python } from './client.js';

const limits = { wall_time_ms: 500 };

/** Whatever it does, its answer comes when its time is up, and not much later. */
async function timedOut(name: string, language: 'bash' | 'python', code: string): Promise<void> {
  const startedMs = performance.now();
  const execution = await (language === 'bash' ? bash : python)(code, { limits });
  const tookMs = performance.now() - startedMs;
  expectStatus(execution, 'time_limit_exceeded');
  assert.equal(execution.limit, 'wall_time_ms', name);
  assert.ok(tookMs < 2500, `${name}: the answer took ${Math.round(tookMs)} ms`);
}

const stubborn: readonly (readonly [string, 'bash' | 'python', string])[] = [
  ['closes its output', 'bash', 'exec >&- 2>&-; sleep 30'],
  ['closes everything', 'python', 'import os, time\nos.closerange(0, 100)\ntime.sleep(30)'],
  ['ignores signals', 'bash', "trap '' TERM INT HUP QUIT PIPE ALRM; while :; do sleep 1; done"],
  ['stops itself', 'bash', 'kill -STOP $$; sleep 30'],
  ['stops its children', 'bash', 'sleep 30 & kill -STOP $!; wait'],
  [
    'catches all it can',
    'python',
    'import signal, time\nfor s in range(1, 65):\n  try: signal.signal(s, lambda *a: None)\n' +
      '  except (OSError, ValueError): pass\nwhile True: time.sleep(1)',
  ],
  ['waits for a child in a session of its own', 'bash', 'setsid sleep 30 & wait'],
  ['forks without end', 'bash', 'f() { f | f & }; f; sleep 30'],
  [
    'waits on a lock of its own',
    'python',
    'import threading\nl = threading.Lock(); l.acquire(); l.acquire()',
  ],
  ['reads a pipe that nobody writes', 'bash', 'mkfifo p; cat p'],
];
for (const [name, language, code] of stubborn) {
  test(`a program that ${name} ends on time`, () => timedOut(name, language, code));
}

const leaving: readonly (readonly [string, 'bash' | 'python', string])[] = [
  ['a child in the background', 'bash', 'sleep 1000 & echo out'],
  ['a child that holds its output', 'bash', '(while :; do sleep 1; done) & echo out'],
  [
    'a daemon, forked twice in a session of its own',
    'python',
    'import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n' +
      '    time.sleep(1000)\n  os._exit(0)\nos.wait()\nprint("out")',
  ],
  ['a child that ignores signals', 'bash', "(trap '' TERM HUP INT; sleep 1000) & echo out"],
  ['a stopped child', 'bash', 'sleep 1000 & kill -STOP $!; echo out'],
  ['fifty children', 'bash', 'for i in $(seq 50); do sleep 1000 & done; echo out'],
];
for (const [name, language, code] of leaving) {
  test(`a program that leaves ${name} has ended when its first process has`, async () => {
    const startedMs = performance.now();
    const execution = await (language === 'bash' ? bash : python)(code);
    expectStatus(execution, 'ok');
    assert.equal(execution.stdout, 'out\n');
    assert.ok(performance.now() - startedMs < 3000);
  });
}

test('a program may close stdout and still say something on stderr', async () => {
  const execution = await bash('exec >&-; sleep 0.2; echo late >&2; exit 4');
  assert.equal(execution.exit_code, 4);
  assert.equal(execution.stderr, 'late\n');
});

test('a program that exits while its stdin is still coming', async () => {
  const execution = await bash('exec <&-; exit 5', { stdin: 'x'.repeat(4 * 1024 * 1024) });
  assert.equal(execution.exit_code, 5);
});

test('after all of them nothing runs and nothing is withheld', async () => {
  assert.deepEqual(await load(), { running: 0, queued: 0, quarantined: 0 });
});
