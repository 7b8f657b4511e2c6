import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '@gozolite/contract/outcome';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { SandboxCommand } from '../../backend.js';
import { refusedBy } from '../native/session.js';

/** A read-only bind, as the engine is asked for it: a source that is not there is refused. */
export interface BindMount {
  readonly Type: 'bind';
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: true;
}

/** What a container gets of the folder of packs. */
export interface Trees {
  /** A pack's /usr and what its /etc has; empty: the image's root serves. */
  readonly root: readonly BindMount[];
  readonly data: readonly BindMount[];
}

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * The trees that a command names by their digests.
 * @param packs a folder that the engine has at the same path; undefined: there are none
 * @returns or `setup-failed` with the launcher's steps, where one is not there (any more)
 */
export function treesFor(
  packs: string | undefined,
  { recipe: { rootfs }, data = [] }: Pick<SandboxCommand, 'recipe' | 'data'>,
): Result<Trees, Outcome> {
  const isKnown = rootfs === 'host' || DIGEST.test(rootfs);
  if (!isKnown || !data.every(({ digest }) => DIGEST.test(digest))) {
    return refuse(refusedBy('RECIPE'));
  }
  const tree = (digest: string) => join(packs ?? '', 'trees', digest);
  const isThere = (path: string) => packs !== undefined && isFolder(path);
  if (rootfs !== 'host' && !isThere(join(tree(rootfs), 'usr'))) return refuse(missing('rootfs'));
  const sets = data.map(({ name, digest }) => bind(join(tree(digest), 'data'), `/data/${name}`));
  if (!sets.every(({ Source }) => isThere(Source))) return refuse(missing('data'));
  return ok({ root: rootfs === 'host' ? [] : rootOf(tree(rootfs)), data: sets });
}

function missing(step: 'rootfs' | 'data'): Outcome {
  return { kind: 'setup-failed', step, errno: 'ENOENT' };
}

/**
 * The image's /etc stays, with what a sandbox is told of users and names; a tree has none of these
 * (packages/packs/src/tree/left-out.ts). An engine would follow a link to what it leads to outside.
 */
function rootOf(tree: string): readonly BindMount[] {
  const etc = join(tree, 'etc');
  const entries = isFolder(etc) ? readdirSync(etc, { withFileTypes: true }) : [];
  const plain = entries.filter((entry) => entry.isDirectory() || entry.isFile());
  return [
    bind(join(tree, 'usr'), '/usr'),
    ...plain.map(({ name }) => bind(join(etc, name), `/etc/${name}`)),
  ];
}

function bind(Source: string, Target: string): BindMount {
  return { Type: 'bind', Source, Target, ReadOnly: true };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
