import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { treesFor } from './trees.js';

const packs = mkdtempSync(join(tmpdir(), 'gozolite-trees-'));
const [PACK, SET, GONE] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [
  string,
  ...string[],
];
const tree = join(packs, 'trees', PACK);
mkdirSync(join(tree, 'usr'), { recursive: true });
mkdirSync(join(tree, 'etc', 'java'), { recursive: true });
writeFileSync(join(tree, 'etc', 'ld.so.cache'), '');
symlinkSync('/etc/shadow', join(tree, 'etc', 'link'));
mkdirSync(join(packs, 'trees', SET ?? '', 'data'), { recursive: true });

const recipe = (rootfs: string) => ({ digest: '', rootfs, command: [], env: {} });
const trees = (rootfs: string, digests: readonly (string | undefined)[] = [], folder?: string) =>
  treesFor(folder ?? packs, {
    recipe: recipe(rootfs),
    data: digests.map((digest, at) => ({ name: `s${at}`, digest: digest ?? '' })),
  });

test("a pack's /usr and its /etc are bound, read-only, and no link is", () => {
  const made = trees(PACK, [SET]);
  expect(made.ok && made.value.root.map(({ Target }) => Target).sort()).toEqual([
    '/etc/java',
    '/etc/ld.so.cache',
    '/usr',
  ]);
  expect(made.ok && made.value.data).toEqual([
    {
      Type: 'bind',
      Source: join(packs, 'trees', `${SET}`, 'data'),
      Target: '/data/s0',
      ReadOnly: true,
    },
  ]);
  expect(made.ok && made.value.root.every(({ ReadOnly }) => ReadOnly)).toBe(true);
});

test("the image's root needs no tree", () => {
  expect(trees('host')).toEqual({ ok: true, value: { root: [], data: [] } });
});

const refused = [
  ['a pack that is not there', trees(`${GONE}`), 'rootfs', 'ENOENT'],
  ['a set that is not there', trees('host', [GONE]), 'data', 'ENOENT'],
  ['a pack as a set', trees('host', [PACK]), 'data', 'ENOENT'],
  ['a set as a pack', trees(`${SET}`), 'rootfs', 'ENOENT'],
  ['a path', trees(`../trees/${PACK}`), 'launch-request', 'RECIPE'],
  ['a path as a set', trees('host', ['../etc']), 'launch-request', 'RECIPE'],
] as const;
for (const [what, made, step, errno] of refused) {
  test(`${what} is refused: ${step} ${errno}`, () => {
    expect(made).toEqual({ ok: false, error: { kind: 'setup-failed', step, errno } });
  });
}
