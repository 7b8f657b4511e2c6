import type { Socket } from 'node:net';

/** Answers this small are bounded by the number of connections. */
const FREE_BYTES = 64 * 1024;
/** A client that takes its answer more slowly than this is given up, after a while. */
const BYTES_PER_S_MIN = 16 * 1024;
const SLACK_MS = 30_000;

/** Bounds the bytes of all answers that their clients have not taken yet. */
export interface AnswerBudget {
  /** @returns what gives the bytes back: call it as the answer is out, or can never be. */
  hold(bytes: number, socket: Socket): () => void;
}

interface Held {
  readonly bytes: number;
  readonly socket: Socket;
}

/**
 * Past the bound the client that has been at it longest loses its connection: a program runs for a
 * bounded time, while who reads what it wrote could take for ever.
 */
export function createAnswerBudget(bytesMax: number): AnswerBudget {
  const held = new Set<Held>();
  let sum = 0;
  const giveBack = (one: Held): void => {
    if (held.delete(one)) sum -= one.bytes;
  };
  return {
    hold: (bytes, socket) => {
      if (bytes <= FREE_BYTES) return () => {};
      const own: Held = { bytes, socket };
      held.add(own);
      sum += bytes;
      for (const oldest of held) {
        if (sum <= bytesMax || oldest === own) break;
        giveBack(oldest);
        oldest.socket.destroy();
      }
      const mostMs = SLACK_MS + (bytes / BYTES_PER_S_MIN) * 1000;
      const timer = setTimeout(() => socket.destroy(), mostMs);
      timer.unref();
      return () => {
        clearTimeout(timer);
        giveBack(own);
      };
    },
  };
}
