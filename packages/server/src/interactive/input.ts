import { INTERACTIVE_BOUNDS } from '@gozolite/contract/interactive/interactive';
import type { Line } from '@gozolite/sandbox/interaction';

const { windowBytes } = INTERACTIVE_BOUNDS;
/** Who sends more than the window is not read from while so much waits here. */
const WAITING_BYTES_MAX = 2 * windowBytes;

/** What a client types, on its way to the program. */
export interface Input {
  add(bytes: Buffer): void;
  /** No more comes. */
  end(): void;
  readonly hasEnded: boolean;
  /** The program runs. */
  open(line: Line): void;
  /** The program has taken so much, in all. */
  taken(bytes: number): void;
  /** So much must not grow. */
  isFull(): boolean;
}

/** The launcher holds one window at most, and this the rest. */
export function createInput(): Input {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let sentBytes = 0;
  let takenBytes = 0;
  let hasEnded = false;
  let line: Line | undefined;
  const push = () => {
    while (line !== undefined && sentBytes - takenBytes < windowBytes) {
      const [next] = waiting;
      if (next === undefined) break;
      waiting.shift();
      waitingBytes -= next.length;
      sentBytes += next.length;
      line.write(next);
    }
    if (line === undefined || !hasEnded || waiting.length > 0) return;
    line.end();
    line = undefined;
  };
  return {
    get hasEnded() {
      return hasEnded;
    },
    add: (bytes) => {
      if (bytes.length === 0) return;
      for (let at = 0; at < bytes.length; at += windowBytes) {
        waiting.push(bytes.subarray(at, at + windowBytes));
      }
      waitingBytes += bytes.length;
      push();
    },
    end: () => {
      hasEnded = true;
      push();
    },
    open: (opened) => {
      line = opened;
      push();
    },
    taken: (bytes) => {
      takenBytes = bytes;
      push();
    },
    isFull: () => waitingBytes > WAITING_BYTES_MAX,
  };
}
