import { statSync } from 'node:fs';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Of a folder. */
export function ownerOf(folder: string): Owner {
  const { uid, gid } = statSync(folder);
  return { uid, gid };
}

/**
 * Root does it with the rights of the folder's owner: a link that a broken server laid there leads
 * to what that server could read itself, and to nothing else.
 */
export function asOwner<T>({ uid, gid }: Owner, work: () => T): T {
  if (process.getuid?.() !== 0 || uid === 0) return work();
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}
