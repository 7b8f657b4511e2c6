import assert from 'node:assert/strict';
import { test } from 'vitest';
import { sandboxPath } from './files.js';
import { type RunInput, requestOf } from './request.js';

const plain: RunInput = {
  language: 'python',
  program: { code: 'print(1)' },
  stdin: undefined,
  args: [],
  env: {},
  limits: {},
  compileArgs: [],
  compileLimits: {},
  artifacts: [],
  network: [],
  data: [],
  labels: {},
};

test('what was not typed is not sent', () => {
  assert.deepEqual(requestOf(plain), { language: 'python', code: 'print(1)' });
});

test('what was typed is', () => {
  const typed = requestOf({
    ...plain,
    args: ['-v'],
    env: { A: 'b' },
    limits: { cpus: 1 },
    compileArgs: ['-Wall'],
    compileLimits: { cpus: 2 },
    artifacts: ['*.png'],
    network: ['a.example:1'],
    labels: { l: 'm' },
  });
  assert.deepEqual(typed, {
    language: 'python',
    code: 'print(1)',
    args: ['-v'],
    env: { A: 'b' },
    limits: { cpus: 1 },
    compile: { args: ['-Wall'], limits: { cpus: 2 } },
    artifacts: ['*.png'],
    network: { allow: ['a.example:1'] },
    labels: { l: 'm' },
  });
});

test('bytes that are no text go as base64, text as it is', () => {
  const files = [
    { path: 'a', content: Buffer.from('é'), executable: false },
    { path: 'b', content: Buffer.from([0xff]), executable: true },
  ];
  const request = requestOf({ ...plain, program: { files }, stdin: Buffer.from([0xfe]) });
  assert.deepEqual(request, {
    language: 'python',
    files: [
      { path: 'a', content: 'é' },
      { path: 'b', content: '/w==', encoding: 'base64', executable: true },
    ],
    stdin: '/g==',
    stdin_encoding: 'base64',
  });
});

for (const [given, path] of [
  ['main.py', 'main.py'],
  ['./lib/a.py', 'lib/a.py'],
  ['lib/../a.py', 'a.py'],
  ['/home/x/main.py', 'main.py'],
  ['../main.py', 'main.py'],
] as const) {
  test(`${given} is ${path} in the sandbox`, () => assert.equal(sandboxPath(given), path));
}
