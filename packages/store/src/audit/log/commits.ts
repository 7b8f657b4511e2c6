import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import { signCheckpoint } from '../note/checkpoint.js';
import type { Signer } from '../note/key.js';
import { type Growing, leafHash } from '../tree/hash.js';
import type { Checkpoints } from './checkpoints.js';
import { uuidOf } from './entry.js';
import type { EntryRow, Rows } from './rows.js';

const flush = promisify(fsync);

export interface CommitOptions {
  /** From an entry to its signature, at most. */
  readonly commitMs: number;
  readonly onFault: (error: unknown) => void;
}

/** An open log, as its parts change it. */
export interface State {
  readonly file: number;
  readonly rows: Rows;
  readonly checkpoints: Checkpoints;
  tree: Growing;
  /** Of the file; a write begins there. */
  bytes: number;
  lastAtMs: number;
  /** Written, and not yet in the tree. */
  waiting: Unhashed[];
  signer: Signer;
  /** Since the last try. */
  isUnwritten: boolean;
  isUnsigned: boolean;
}

/** Its hash and its row are made when it is signed, not while somebody waits for it. */
interface Unhashed extends Pick<EntryRow, 'endsAt' | 'kind'> {
  readonly line: Buffer;
  readonly execution: string | undefined;
}

/** Puts what waits into the tree, on the disk, and under a signature: one after the other. */
async function commitOnce(
  state: State,
  signers: readonly Signer[],
  mustKeep: boolean,
): Promise<void> {
  const { rows, checkpoints, file } = state;
  if (state.waiting.length > 0) {
    const batch = state.waiting;
    const tree = state.tree.copy();
    const hashes = batch.flatMap(({ line }) => tree.append(leafHash(line)));
    rows.append(
      state.tree.size,
      batch.map(({ endsAt, kind, execution }) => ({ endsAt, kind, uuid: uuidOf(execution) })),
      hashes,
    );
    state.tree = tree;
    state.waiting = state.waiting.slice(batch.length);
  }
  const { size } = state.tree;
  const root = state.tree.root();
  await flush(file);
  const { name: origin } = state.signer;
  await checkpoints.put(size, signCheckpoint({ origin, size, root }, signers), mustKeep);
}

export interface Commits {
  soon(): void;
  /** @param by who else signs it, before the one who does */
  now(by?: readonly Signer[]): Promise<void>;
  end(): Promise<void>;
}

export function committing(state: State, { commitMs, onFault }: CommitOptions): Commits {
  let last: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let signedSize = -1;
  const sign = (by: readonly Signer[], mustKeep: boolean): Promise<void> => {
    const done = last.then(async () => {
      const size = state.tree.size + state.waiting.length;
      if (size === signedSize && !mustKeep) return;
      // Whoever signs when its turn comes: a key may have taken over since it was asked for.
      await commitOnce(state, [state.signer, ...by], mustKeep);
      signedSize = size;
    });
    last = done.catch(() => undefined);
    return done;
  };
  const ring = () => {
    timer = undefined;
    sign([], false).then(
      () => {
        state.isUnsigned = false;
      },
      (error: unknown) => {
        if (!state.isUnsigned) onFault(error);
        state.isUnsigned = true;
        commits.soon();
      },
    );
  };
  const commits: Commits = {
    soon: () => {
      timer ??= setTimeout(ring, commitMs);
    },
    now: (by = []) => sign(by, by.length > 0),
    end: async () => {
      clearTimeout(timer);
      await sign([], true).catch(onFault);
    },
  };
  return commits;
}
