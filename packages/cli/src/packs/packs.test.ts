import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'vitest';
import { packsRoot } from './packs.js';
import { createPacksProgress } from './progress.js';

const roots: readonly (readonly [Record<string, string>, boolean, string])[] = [
  [{ GOZO_PACKS: '/a', GOZO_STATE: '/b' }, true, '/a'],
  [{ GOZO_STATE: '/b' }, true, '/b/packs'],
  [{}, true, '/var/lib/gozolite/packs'],
  [{ HOME: '/home/u' }, false, '/home/u/.local/state/gozolite/packs'],
  [{ HOME: '/home/u', XDG_STATE_HOME: '/s' }, false, '/s/gozolite/packs'],
];
for (const [env, isRoot, root] of roots) {
  test(`${JSON.stringify(env)} as ${isRoot ? 'root' : 'a user'} is ${root}`, () => {
    assert.equal(packsRoot(env, isRoot), root);
  });
}

test('without a terminal each step is one line, however often it is told', () => {
  const output = new PassThrough();
  using progress = createPacksProgress(output);
  progress.onStep('reading lists of packages');
  const tell = progress.onProgress('lua');
  for (const done of [0, 5, 10]) {
    tell({ step: 'downloading', share: 0.1, bytes: { done, total: 2_500_000 } });
  }
  tell({ step: 'installing', share: 0.3 });
  const pack = {
    ...{ name: 'lua@5.4', language: 'lua', version: '5.4', variant: null, digest: '' },
    ...{ bytes: 57_000_000, files: 1, built_at: '', packages: [] },
  };
  progress.onOutcome({ kind: 'added', pack, newBytes: 870_000, tookMs: 12_340 });
  progress.onOutcome({ kind: 'failed', name: 'ada', reason: 'no disk' });
  assert.deepEqual(String(output.read()).trim().split('\n'), [
    'reading lists of packages',
    'lua: downloading 2.5 MB',
    'lua: installing',
    'lua@5.4: added in 12.3 s, 57 MB, 0.9 MB of them new',
    'ada: failed: no disk',
  ]);
});
