import type { WebSocket } from 'ws';

/** A person's keys are fifty a second; a pasted page is one message. */
const MESSAGES_A_SECOND = 500;
const BURST = 2000;
const SECOND_MS = 1000;

/** Holds reading from a client, for whatever reason, while there is one. */
export interface Pace {
  /** One more message came. */
  count(): void;
  /** Its input has no room, or has again. */
  hold(isFull: boolean): void;
  readonly isHeld: boolean;
  stop(): void;
}

/** Who sends faster waits: in its own socket, and without a word lost. */
export function createPace(socket: WebSocket): Pace {
  let left = BURST;
  let atMs = performance.now();
  let isFull = false;
  let rest: NodeJS.Timeout | undefined;
  let isHeld = false;
  const look = () => {
    const wants = isFull || rest !== undefined;
    if (wants === isHeld) return;
    isHeld = wants;
    if (isHeld) socket.pause();
    else socket.resume();
  };
  return {
    get isHeld() {
      return isHeld;
    },
    count: () => {
      const nowMs = performance.now();
      left = Math.min(BURST, left + ((nowMs - atMs) * MESSAGES_A_SECOND) / SECOND_MS) - 1;
      atMs = nowMs;
      if (left > 0 || rest !== undefined) return;
      rest = setTimeout(() => {
        rest = undefined;
        look();
      }, SECOND_MS);
      look();
    },
    hold: (full) => {
      isFull = full;
      look();
    },
    stop: () => {
      clearTimeout(rest);
      rest = undefined;
      isFull = false;
    },
  };
}
