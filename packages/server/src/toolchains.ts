import type { Probe, Registry } from '@gozolite/languages/registry';
import type { Logger } from '@gozolite/telemetry/logger';
import { openProbeCache } from './probe-cache.js';

/** After a look that could not start its sandboxes: how soon to look again. */
const RETRY_MS = 2000;

export interface Toolchains extends AsyncDisposable {
  /** Resolves once every toolchain was looked for, or the last look was read from its cache. */
  readonly opened: Promise<Registry>;
  isOpen(): boolean;
  /** The last look could not start its sandboxes: what it did not find may well be there. */
  isLost(): boolean;
  /** Looks again; calls that come meanwhile share one look. */
  refresh(): Promise<void>;
}

export interface ToolchainsDeps {
  readonly open: (probe: Probe) => Promise<Registry>;
  /** Asks in a sandbox; calls `onLost` where nothing could start one. */
  readonly probe: (onLost: () => void) => Probe;
  /** Where answers are kept between starts. */
  readonly cacheFile: string;
  /** Between two looks; 0 never looks again by itself. */
  readonly refreshMs: number;
  readonly log: Logger;
}

/**
 * Keeps the registry's detection true over time: on a schedule, on demand, and soon again after
 * the launcher was away, when nothing could be looked for.
 */
export function watchToolchains({
  open,
  probe,
  cacheFile,
  refreshMs,
  log,
}: ToolchainsDeps): Toolchains {
  let isOpen = false;
  let isLost = false;
  let isDisposed = false;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const lose = (): void => {
    isLost = true;
  };
  const cache = openProbeCache(cacheFile, probe(lose));
  const save = (): void => {
    try {
      cache.save();
    } catch (error) {
      log.warn({ error, file: cacheFile }, 'detection could not be kept for the next start');
    }
  };
  const schedule = (): void => {
    clearTimeout(timer);
    if (isDisposed || (refreshMs === 0 && !isLost)) return;
    timer = setTimeout(() => void refresh(), isLost ? RETRY_MS : refreshMs).unref();
  };
  const look = async (): Promise<void> => {
    const registry = await opened;
    isLost = false;
    cache.distrust();
    await registry.refresh().catch((error: unknown) => {
      lose();
      log.error({ error }, 'toolchains could not be looked for');
    });
  };
  const refresh = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
      save();
      schedule();
    });
    return looking;
  };
  const opened = open(cache.probe).then((registry) => {
    isOpen = true;
    save();
    schedule();
    return registry;
  });
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
