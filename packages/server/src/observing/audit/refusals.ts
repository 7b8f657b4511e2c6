import type { Refusal } from '@gozolite/contract/refusal';
import type { Seen } from '../../http/seen.js';
import type { Recorder } from './recorder.js';

export interface RefusalsDeps {
  readonly recorder: Pick<Recorder, 'record'>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Of one kind so many a minute are told one by one, the rest by their number. */
const EACH_MAX = 10;
const WINDOW_MS = 60_000;
/** Kinds at once; what is of none of them is told together. */
const KINDS_MAX = 1000;

interface Window {
  readonly beganAtMs: number;
  readonly of: Record<string, string>;
  told: number;
  untold: number;
}

/** Refused requests, without letting whoever is refused fill the disk. */
export interface Refusals {
  seen(seen: Seen): void;
  /** The engine's own, that are on record as executions. */
  told(refusal: Refusal): void;
  /** Tells the numbers of the minutes that are over. @param isEnd of all */
  flush(isEnd?: boolean): void;
}

export function createRefusals({ recorder, nowMs }: RefusalsDeps): Refusals {
  const onRecord = new WeakSet<Refusal>();
  const windows = new Map<string, Window>();
  const tell = ({ beganAtMs, of, untold }: Window): void => {
    if (untold === 0) return;
    const since = new Date(beganAtMs).toISOString();
    recorder.record({ kind: 'refused', ...of, count: untold, since });
  };
  return {
    told: (refusal) => onRecord.add(refusal),
    seen: (seen) => {
      const { refusal } = seen;
      if (refusal === undefined || onRecord.has(refusal) || !isTold(seen, refusal)) return;
      const of = kindOf(seen, refusal);
      const name = nameOf(windows, Object.values(of).join(' '));
      const isOfNone = name === '';
      const fresh = { beganAtMs: nowMs(), of: isOfNone ? {} : of, told: 0, untold: 0 };
      const window = windows.get(name) ?? fresh;
      windows.set(name, window);
      if (isOfNone || window.told >= EACH_MAX) {
        window.untold += 1;
        return;
      }
      window.told += 1;
      const { requestId, caller, address } = seen;
      recorder.record({
        kind: 'refused',
        ...of,
        request_id: requestId,
        ...(caller === undefined || caller.keyId === '' ? {} : { key_id: caller.keyId }),
        ...(refusal.limit === undefined ? {} : { limit: refusal.limit.name }),
        address,
      });
    },
    flush: (isEnd = false) => {
      for (const [name, window] of windows) {
        if (!isEnd && nowMs() - window.beganAtMs < WINDOW_MS) continue;
        windows.delete(name);
        tell(window);
      }
    },
  };
}

function nameOf(windows: ReadonlyMap<string, unknown>, name: string): string {
  return windows.has(name) || windows.size < KINDS_MAX ? name : '';
}

/** Reading what is not there is no news; being kept out is. */
function isTold({ method, status }: Seen, { code }: Refusal): boolean {
  if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'RATE_LIMITED') return true;
  // What came over a WebSocket was to run.
  return status === 101 || (method !== 'GET' && method !== 'HEAD');
}

function kindOf({ caller, method, route }: Seen, { code }: Refusal): Record<string, string> {
  const tenant: Record<string, string> = caller === undefined ? {} : { tenant: caller.tenant };
  return { ...tenant, code, method, route };
}
