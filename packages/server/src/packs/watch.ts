import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import type { Packs } from '@gozolite/languages/offers/offer';
import type { Logger } from '@gozolite/telemetry/logger';
import { type InstalledPacks, readInstalled, signatureOf } from './installed.js';
import { existsInTree } from './tree.js';

/** Between two looks at the folder where no event comes, or none can: it is not there yet. */
const POLL_MS = 5_000;
/** Several files that come together are one change. */
const SETTLE_MS = 20;

export interface PackWatch extends Packs, Disposable {
  /** Called after each change, until the watch is disposed of. */
  onChange(call: () => void): void;
}

export interface PackWatchDeps {
  readonly folder: string;
  readonly log: Logger;
  readonly pollMs?: number;
}

/** Knows which packs are in place, and keeps knowing it while they come and go. */
export function watchPacks({ folder, log, pollMs = POLL_MS }: PackWatchDeps): PackWatch {
  let signature = signatureOf(folder);
  let { packs } = read(folder, log);
  let call: () => void = () => undefined;
  let watcher: FSWatcher | undefined;
  let settling: NodeJS.Timeout | undefined;
  const look = (): void => {
    watcher ??= open();
    const now = signatureOf(folder);
    if (now === signature) return;
    signature = now;
    ({ packs } = read(folder, log));
    log.info({ count: packs.length }, 'packs changed');
    call();
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
  /** The folder may not be there yet, or be exchanged for another: the poll opens it again. */
  const open = (): FSWatcher | undefined => {
    try {
      const opened = watch(join(folder, 'installed'), { persistent: false }, (event, name) => {
        if (event === 'rename' && name === 'installed') drop();
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
    installed: () => packs,
    exists: (digest, path) => existsInTree(join(folder, 'trees', digest), path),
    onChange: (next) => {
      call = next;
    },
    [Symbol.dispose]: () => {
      clearInterval(poll);
      clearTimeout(settling);
      drop();
      call = () => undefined;
    },
  };
}

/** A broken file is told once for each time that it changes, and stops no other. */
function read(folder: string, log: Logger): InstalledPacks {
  const installed = readInstalled(folder);
  for (const { file, reason } of installed.problems) log.warn({ file, reason }, 'pack refused');
  return installed;
}
