import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { Admitted } from '@gozolite/engine/admitted';
import { test } from 'vitest';
import { digestsOfRequest } from './digests.js';

test('digests are of the bytes, also where there are none', () => {
  const sha256 = (text: string) => hash('sha256', text, 'hex');
  const files = [{ path: 'main.sh', content: Buffer.from('echo 1') }];
  const of = (own: object) =>
    digestsOfRequest({ files, stdin: Buffer.alloc(0), args: [], ...own } as unknown as Admitted);
  assert.deepEqual(of({ compileArgs: [], env: {} }), {
    code: sha256('echo 1'),
    stdin: sha256(''),
    arguments: sha256(JSON.stringify({ args: [], compile_args: [], env: {} })),
  });
  const { arguments: some } = of({ compileArgs: ['-O2'], env: { B: '2', A: '1' } });
  const words = { args: [], compile_args: ['-O2'], env: { A: '1', B: '2' } };
  assert.equal(some, sha256(JSON.stringify(words)));
});
