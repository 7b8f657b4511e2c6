import { pause } from '../pause.js';

/** One thing that happened to an execution, as its watchers are told. */
export interface Happening {
  /** Counts from 1. */
  readonly id: number;
  readonly name: 'queued' | 'compiling' | 'started' | 'output';
  readonly data: object;
}

/** What happened so far, for those that look on and those that come back. */
export interface Happenings {
  /** @param bytes of output, which may be dropped; absent: it never is */
  add(name: Happening['name'], data: object, bytes?: number): void;
  /** Later than that one. */
  after(id: number): readonly Happening[];
  /** It is over, and written down. */
  end(): void;
  readonly isOver: boolean;
  /** What is kept of it, about. */
  readonly bytes: number;
  /** Until something happens, it is over, the signal is aborted, or so long. */
  next(ms: number, signal: AbortSignal): Promise<void>;
}

/** Output that is kept for who comes back; the oldest is dropped first. */
const KEPT_BYTES_MAX = 1024 * 1024;
/** Of each piece, however short it is. */
const PIECE_BYTES = 256;

export function createHappenings(): Happenings {
  const kept: (Happening & { readonly bytes: number })[] = [];
  const waiting = new Set<() => void>();
  let count = 0;
  let held = 0;
  let isOver = false;
  const wake = () => {
    for (const each of [...waiting]) each();
  };
  const dropOldest = () => {
    const at = kept.findIndex(({ bytes }) => bytes > 0);
    held -= kept[at]?.bytes ?? 0;
    kept.splice(at, 1);
  };
  return {
    get isOver() {
      return isOver;
    },
    get bytes() {
      return held;
    },
    add: (name, data, output) => {
      const bytes = output === undefined ? 0 : output + PIECE_BYTES;
      count += 1;
      held += bytes;
      kept.push({ id: count, name, data, bytes });
      while (held > KEPT_BYTES_MAX) dropOldest();
      wake();
    },
    after: (id) => kept.filter((each) => each.id > id),
    end: () => {
      isOver = true;
      wake();
    },
    next: async (ms, signal) => {
      if (isOver || signal.aborted) return;
      let tell = () => {};
      const told = new Promise<void>((resolve) => {
        tell = resolve;
      });
      waiting.add(tell);
      await pause(ms, signal, told);
      waiting.delete(tell);
    },
  };
}
