import type { Probe } from '@gozolite/languages/offers/probe';
import type { Registry } from '@gozolite/languages/registry';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Caches } from './caches/caches.js';
import type { PackWatch } from './packs/watch.js';
import { openProbeCache, type ProbeCache } from './probing/probe-cache.js';
import type { Prover } from './smokes/prover.js';

/** After a look that could not start its sandboxes: how soon to look again. */
const RETRY_MS = 2000;

export interface Toolchains extends AsyncDisposable {
  /** Resolves once every toolchain was looked for, or the last look was read from its cache. */
  readonly opened: Promise<Registry>;
  isOpen(): boolean;
  /** The last look could not start its sandboxes: what it did not find may well be there. */
  isLost(): boolean;
  /**
   * Looks again, and tries the first programs of what is new; calls that come meanwhile share one
   * look.
   */
  refresh(): Promise<void>;
}

export interface ToolchainsDeps {
  readonly open: (probe: Probe) => Promise<Registry>;
  /** Asks in a sandbox; calls `onLost` where nothing could start one. */
  readonly probe: (onLost: () => void) => Probe;
  /** Whether anything can be started at all: asked before a whole look that would be lost. */
  readonly isReachable: () => Promise<boolean>;
  /** Where answers are kept between starts. */
  readonly cacheFile: string;
  /** Between two looks; 0 never looks again by itself. */
  readonly refreshMs: number;
  /** Says when packs came or went; absent where none are served. */
  readonly packs?: Pick<PackWatch, 'onChange'>;
  /** Proves what was found; absent where nothing is to be proven. */
  readonly prover?: Pick<Prover, 'prove'>;
  /** Makes what is made once of a toolchain; absent where nothing is. */
  readonly caches?: Pick<Caches, 'makeMissing'>;
  readonly log: Logger;
}

/**
 * Keeps the registry's detection true over time: on a schedule, on demand, and soon again after
 * the launcher was away, when nothing could be looked for.
 */
export function watchToolchains({
  open,
  probe,
  isReachable,
  cacheFile,
  refreshMs,
  packs,
  prover,
  caches,
  log,
}: ToolchainsDeps): Toolchains {
  let isOpen = false;
  let isLost = false;
  let isDisposed = false;
  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const lose = (): void => {
    isLost = true;
  };
  const cache = openProbeCache(cacheFile, probe(lose));
  const save = (): void => keep(cache, cacheFile, log);
  const schedule = (): void => {
    clearTimeout(timer);
    if (isDisposed || (refreshMs === 0 && !isLost)) return;
    timer = setTimeout(isLost ? retry : refresh, isLost ? RETRY_MS : refreshMs).unref();
  };
  const retry = async (): Promise<void> => {
    if (await isReachable()) await refresh();
    else schedule();
  };
  const look = async (): Promise<void> => {
    const registry = await opened;
    isLost = false;
    await registry.refresh().catch((error: unknown) => {
      lose();
      log.error({ error }, 'toolchains could not be looked for');
    });
    save();
    schedule();
  };
  const prove = async (): Promise<void> => {
    if (isDisposed) return;
    await prover?.prove((await opened).claims());
    void caches?.makeMissing(); // Some minutes, for which nobody waits.
  };
  /** One look at a time; what asks for one after it has begun has another. */
  const enqueue = (before: () => void): Promise<void> => {
    looking = looking.then(() => {
      before();
      return isDisposed ? undefined : look();
    });
    return looking;
  };
  let refreshing: Promise<void> | undefined;
  const refresh = (): Promise<void> => {
    refreshing ??= enqueue(cache.distrust)
      .then(prove)
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  };
  const opened = open(cache.probe).then((registry) => {
    isOpen = true;
    save();
    schedule();
    return registry;
  });
  opened.then(prove, () => undefined);
  // What the host has is believed as it was: only the new pack's own toolchain is asked.
  packs?.onChange(() => void enqueue(() => undefined).then(prove));
  return {
    opened,
    isOpen: () => isOpen,
    isLost: () => isLost,
    refresh,
    [Symbol.asyncDispose]: async () => {
      isDisposed = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

function keep(cache: ProbeCache, file: string, log: Logger): void {
  try {
    cache.save();
  } catch (error) {
    log.warn({ error, file }, 'detection could not be kept for the next start');
  }
}
