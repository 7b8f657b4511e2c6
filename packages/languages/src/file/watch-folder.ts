import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';

/** Several files that come together, and an editor's several writes, are one change. */
const SETTLE_MS = 20;

export interface WatchedFolder {
  readonly folder: string;
  /** Says the same as long as nothing changed. */
  readonly signature: () => string;
  readonly changed: () => void;
  /** Between two looks where no event comes, or none can: the folder may not be there yet. */
  readonly pollMs: number;
}

/** Looks again at each event and once a period. The folder may come, go, and be exchanged. */
export function watchFolder({ folder, signature, changed, pollMs }: WatchedFolder): Disposable {
  let before = signature();
  let watcher: FSWatcher | undefined;
  let settling: NodeJS.Timeout | undefined;
  const look = (): void => {
    watcher ??= open();
    const now = signature();
    if (now === before) return;
    before = now;
    changed();
  };
  const settle = (): void => {
    settling ??= setTimeout(() => {
      settling = undefined;
      look();
    }, SETTLE_MS).unref();
  };
  const drop = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  const open = (): FSWatcher | undefined => {
    try {
      const opened = watch(folder, { persistent: false }, (event, name) => {
        // The folder itself went: the next look opens what is in its place.
        if (event === 'rename' && name === basename(folder)) drop();
        settle();
      });
      return opened.on('error', drop);
    } catch {
      return undefined;
    }
  };
  watcher = open();
  const poll = setInterval(look, pollMs).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(poll);
      clearTimeout(settling);
      drop();
    },
  };
}

/** One line of a signature: a file that is written, exchanged or taken away has another. */
export function statLine(name: string, stat: StatLine | undefined): string {
  return `${name} ${stat?.size} ${stat?.mtimeMs} ${stat?.ino}`;
}

type StatLine = Readonly<Record<'size' | 'mtimeMs' | 'ino', number>>;
