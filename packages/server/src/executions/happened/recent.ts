import type { Happenings } from './happenings.js';

/** What happened to executions that ended a moment ago: for watchers who come a moment late. */
export interface Recent {
  keep(ended: Ended): void;
  /** Of this tenant; undefined where it ended longer ago, or too many have since. */
  of(tenant: string, id: string): Happenings | undefined;
}

interface Ended {
  readonly id: string;
  readonly tenant: string;
  readonly happenings: Happenings;
}

export interface RecentBounds {
  readonly keptMs: number;
  readonly countMax: number;
  readonly bytesMax: number;
}

const BOUNDS: RecentBounds = { keptMs: 60_000, countMax: 4000, bytesMax: 64 * 1024 * 1024 };
/** Of each, beside what it holds. */
const ENTRY_BYTES = 1024;

/** @param nowMs milliseconds that never go back */
export function createRecent(nowMs: () => number, bounds: RecentBounds = BOUNDS): Recent {
  const kept = new Map<string, Ended & { readonly untilMs: number }>();
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const drop = (id: string, { happenings }: Ended): void => {
    kept.delete(id);
    bytes -= sizeOf(happenings);
  };
  const tidy = (): void => {
    for (const [id, each] of kept) {
      const isTooMuch = kept.size > bounds.countMax || bytes > bounds.bytesMax;
      if (!isTooMuch && each.untilMs > nowMs()) break;
      drop(id, each);
    }
    const [oldest] = kept.values();
    if (oldest === undefined || timer !== undefined) return;
    const again = () => {
      timer = undefined;
      tidy();
    };
    timer = setTimeout(again, Math.max(1, oldest.untilMs - nowMs())).unref();
  };
  return {
    // Not what else there is of it: its record may be large.
    keep: ({ id, tenant, happenings }) => {
      kept.set(id, { id, tenant, happenings, untilMs: nowMs() + bounds.keptMs });
      bytes += sizeOf(happenings);
      tidy();
    },
    of: (tenant, id) => {
      const found = kept.get(id);
      return found?.tenant === tenant && found.untilMs > nowMs() ? found.happenings : undefined;
    },
  };
}

function sizeOf({ bytes }: Happenings): number {
  return bytes + ENTRY_BYTES;
}
