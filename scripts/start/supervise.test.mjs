import assert from 'node:assert/strict';
import { test } from 'vitest';
import { supervise } from './supervise.mjs';

const node = (code) => ({
  name: 'program',
  command: process.execPath,
  args: ['-e', code],
  env: {},
});

/** Runs until `enough` says so of the events; gives them. */
function events(program, enough) {
  return new Promise((resolve) => {
    const seen = [];
    const note = (event) => {
      seen.push(event);
      if (enough(seen)) supervised.stop(2000).then(() => resolve(seen));
    };
    const supervised = supervise(program, {
      onStart: () => seen.push('start'),
      onLine: (stream, line) => note(`${stream}: ${line}`),
      onDeath: ({ code, signal }) => {
        note(`death: ${signal ?? code}`);
        return true;
      },
    });
  });
}

test('a program that dies is started again', async () => {
  const seen = await events(node('process.exit(3)'), (all) => all.length === 4);
  assert.deepEqual(seen, ['start', 'death: 3', 'start', 'death: 3']);
});

test('lines come whole, also the last one without an end', async () => {
  const program = node("process.stdout.write('a\\nb'); process.stderr.write('c\\n')");
  const seen = await events(program, (all) => all.includes('death: 0'));
  assert.deepEqual([...seen].sort(), ['death: 0', 'start', 'stderr: c', 'stdout: a', 'stdout: b']);
});

test('a stopped program is told to end, and is not started again', async () => {
  const code =
    "process.on('SIGTERM', () => process.exit(0)); console.log('up'); setInterval(() => {}, 1e6)";
  const seen = await events(node(code), (all) => all.includes('stdout: up'));
  assert.deepEqual(seen, ['start', 'stdout: up']);
});

test('one that ignores SIGTERM is killed after its grace', async () => {
  const code = "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1e6)";
  const seen = await events(node(code), (all) => all.includes('stdout: up'));
  assert.deepEqual(seen, ['start', 'stdout: up']);
});
