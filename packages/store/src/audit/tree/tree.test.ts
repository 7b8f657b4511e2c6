import assert from 'node:assert/strict';
import { test } from 'vitest';
import { EMPTY_ROOT, growingTree, leafHash, nodeHash } from './hash.js';
import { inclusionProof, rootByProof, storedCount, storedTree } from './stored.js';

/** Leaves and roots of the trees of 1 to 8, as the RFC's reference implementation tests them. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657'];
const LAST = '606162636465666768696a6b6c6d6e6f';
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
/** RFC 6962 §2.1.1's proofs over the same leaves, by index and size. */
const PROOFS = [
  {
    ...{ index: 0, size: 8 },
    proof: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    ...{ index: 5, size: 8 },
    proof: [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
  {
    ...{ index: 2, size: 3 },
    proof: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  },
  {
    ...{ index: 1, size: 5 },
    proof: [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  },
];

function grown(leaves: readonly Buffer[]) {
  const tree = growingTree();
  const stored: Buffer[] = [];
  for (const leaf of leaves) stored.push(...tree.append(leaf));
  const read = (at: number) => {
    const hash = stored[at];
    assert.ok(hash, `there is no hash ${at}`);
    return hash;
  };
  return { tree, stored, read };
}

const hashes = [...LEAVES, LAST].map((leaf) => leafHash(Buffer.from(leaf, 'hex')));

test("the roots of RFC 6962's test vectors", () => {
  assert.equal(EMPTY_ROOT.toString('hex').slice(0, 16), 'e3b0c44298fc1c14');
  assert.deepEqual(growingTree().root(), EMPTY_ROOT);
  for (const [at, root] of ROOTS.entries()) {
    assert.equal(
      grown(hashes.slice(0, at + 1))
        .tree.root()
        .toString('hex'),
      root,
    );
  }
});

test("the inclusion proofs of RFC 6962's test vectors", () => {
  for (const { index, size, proof } of PROOFS) {
    const { read } = grown(hashes.slice(0, size));
    const made = inclusionProof(index, size, read).map((hash) => hash.toString('hex'));
    assert.deepEqual(made, proof);
  }
});

/** RFC 6962 §2.1, word by word. */
function byDefinition(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  const [first] = leaves;
  if (leaves.length === 1 && first !== undefined) return first;
  let cut = 1;
  while (2 * cut < leaves.length) cut *= 2;
  return nodeHash(byDefinition(leaves.slice(0, cut)), byDefinition(leaves.slice(cut)));
}

test('of every size up to 70: root, stored hashes, and a proof of each leaf', () => {
  const leaves = Array.from({ length: 70 }, (_, at) => leafHash(Buffer.from(String(at))));
  const { read, stored } = grown(leaves);
  for (let size = 1; size <= leaves.length; size += 1) {
    const root = byDefinition(leaves.slice(0, size));
    assert.deepEqual(storedTree(size, read).root(), root);
    const own = grown(leaves.slice(0, size));
    assert.equal(storedCount(size), own.stored.length);
    assert.deepEqual(own.tree.root(), root);
    for (const [index, leaf] of leaves.slice(0, size).entries()) {
      const proof = inclusionProof(index, size, read);
      assert.deepEqual(rootByProof(leaf, { index, size, proof }), root);
      if (size > 1) {
        const wrong = { index: (index + 1) % size, size, proof };
        assert.notDeepEqual(rootByProof(leaf, wrong), root);
      }
    }
  }
  assert.equal(storedCount(70), stored.length);
  assert.equal(storedCount(0), 0);
});

test('what is no proof leads nowhere', () => {
  const { read } = grown(hashes);
  const [leaf = Buffer.alloc(0)] = hashes;
  const proof = inclusionProof(0, 8, read);
  for (const wrong of [
    { index: 0, size: 8, proof: proof.slice(1) },
    { index: 0, size: 8, proof: [...proof, leaf] },
    { index: 8, size: 8, proof },
    { index: -1, size: 8, proof },
    { index: 0.5, size: 8, proof },
    { index: 0, size: 0, proof: [] },
  ]) {
    assert.equal(rootByProof(leaf, wrong), undefined);
  }
});
