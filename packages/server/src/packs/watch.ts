import { join } from 'node:path';
import { watchFolder } from '@gozolite/languages/file/watch-folder';
import type { Packs } from '@gozolite/languages/offers/offer';
import type { Logger } from '@gozolite/telemetry/logger';
import { type InstalledPacks, readInstalled, signatureOf } from './installed.js';
import { existsInTree } from './tree.js';

const POLL_MS = 5_000;

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
  let { packs } = read(folder, log);
  let call: () => void = () => undefined;
  const watched = watchFolder({
    folder: join(folder, 'installed'),
    signature: () => signatureOf(folder),
    pollMs,
    changed: () => {
      ({ packs } = read(folder, log));
      log.info({ count: packs.length }, 'packs changed');
      call();
    },
  });
  return {
    installed: () => packs,
    exists: (digest, path) => existsInTree(join(folder, 'trees', digest), path),
    onChange: (next) => {
      call = next;
    },
    [Symbol.dispose]: () => {
      watched[Symbol.dispose]();
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
