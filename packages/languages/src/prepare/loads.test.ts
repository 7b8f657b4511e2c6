import assert from 'node:assert/strict';
import { test } from 'vitest';
import { launchFor, type Program } from './loads.js';

const launchOf = (digest: string) => ({ digest, rootfs: 'host', command: ['/p'], env: {} });
const STAGE = {
  launch: launchOf('plain'),
  loads: [
    { lines: ['import pandas', 'from pandas'], launch: launchOf('pandas') },
    { lines: ['import numpy', 'from numpy'], launch: launchOf('numpy') },
  ],
  ...{ args: [], env: {}, limits: {} },
};

function chosen(code: string, change: Partial<Program> = {}): string {
  const files = [{ content: new TextEncoder().encode(code) }];
  return launchFor(STAGE, { files, env: {}, ...change }).digest;
}

test('a program is started with the libraries that it says it loads', () => {
  assert.equal(chosen('print(1)\n'), 'plain');
  assert.equal(chosen('import sys\nimport pandas as pd\n'), 'pandas');
  assert.equal(chosen('import numpy\nfrom pandas import DataFrame\n'), 'pandas');
  assert.equal(chosen('from numpy.random import rand\n'), 'numpy');
  assert.equal(chosen('import numpy'), 'numpy');
});

test('what only looks like it loads nothing', () => {
  for (const code of [
    'import pandas_of_mine',
    'import numpy2',
    '# import pandas',
    ' import pandas',
  ]) {
    assert.equal(chosen(code), 'plain');
  }
});

test('where a file or a variable could decide what is loaded, nothing is', () => {
  const content = new TextEncoder().encode('import pandas');
  assert.equal(chosen('', { files: [{ content }, { content }] }), 'plain');
  assert.equal(chosen('', { files: [] }), 'plain');
  assert.equal(chosen('import pandas', { env: { A: '1' } }), 'plain');
});

test('a stage without any keeps its own', () => {
  const { loads: _, ...stage } = STAGE;
  const content = new TextEncoder().encode('import pandas');
  assert.equal(launchFor(stage, { files: [{ content }], env: {} }).digest, 'plain');
});
