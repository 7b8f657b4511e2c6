import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Requests begin one in a turn of the event loop, in the order in which they arrived. Hundreds that
 * arrive at once would else be begun in one go, and what is answered at once (health, metrics,
 * administration) would wait behind all of them.
 */
export interface Turns {
  /**
   * Call once for each request that is not answered at once, as it arrives.
   * @returns undefined: it may go on now; else when it may, or that its client has gone meanwhile
   */
  take(socket: Duplex): Promise<Turn> | undefined;
  /** Of a connection whose requests fill its share of the line one more does not wait. */
  isFullFor(socket: Duplex): boolean;
}

export type Turn = 'begins' | 'gone';

/** Requests of one connection that wait at once: more than one are pipelined. */
const WAITING_PER_CONNECTION_MAX = 64;
/** So many turns in a row those that wait make way for connections that come in. */
const MAKES_WAY_MAX = 64;

interface Waiting {
  readonly socket: Duplex;
  readonly resolve: (turn: Turn) => void;
}

/** @param server its loop takes in one connection a turn: what stands behind is not seen before */
export function createTurns(server: Pick<Server, 'on'>): Turns {
  const line = createLine();
  /** Connections that came in this turn and in the one before. */
  const came = { now: 0, before: 0 };
  let isTaken = false;
  let isTicking = false;
  let madeWay = 0;
  // One's own connection is no crowd.
  const isCrowded = (): boolean => came.now + came.before > 1;
  const tick = (): void => {
    const makesWay = isCrowded() && line.length() > 0 && madeWay < MAKES_WAY_MAX;
    madeWay = makesWay ? madeWay + 1 : 0;
    came.before = came.now;
    came.now = 0;
    const next = makesWay ? undefined : line.shift();
    isTaken = next !== undefined;
    isTicking = isTaken || line.length() > 0 || came.before > 0;
    if (isTicking) setImmediate(tick);
    next?.resolve('begins');
  };
  const keepTicking = (): void => {
    if (!isTicking) setImmediate(tick);
    isTicking = true;
  };
  server.on('connection', () => {
    came.now += 1;
    keepTicking();
  });
  return {
    isFullFor: (socket) => line.countOf(socket) >= WAITING_PER_CONNECTION_MAX,
    take: (socket) => {
      keepTicking();
      if (isTaken || line.length() > 0 || isCrowded()) {
        return new Promise((resolve) => line.push({ socket, resolve }));
      }
      isTaken = true;
      return undefined;
    },
  };
}

function createLine() {
  const waiting: Waiting[] = [];
  const counts = new WeakMap<Duplex, number>();
  const countOf = (socket: Duplex): number => counts.get(socket) ?? 0;
  return {
    countOf,
    length: () => waiting.length,
    push: (one: Waiting) => {
      counts.set(one.socket, countOf(one.socket) + 1);
      waiting.push(one);
    },
    /** Whose client has gone leaves on the way. */
    shift: (): Waiting | undefined => {
      for (;;) {
        const next = waiting.shift();
        if (next === undefined) return undefined;
        counts.set(next.socket, countOf(next.socket) - 1);
        if (!next.socket.destroyed) return next;
        next.resolve('gone');
      }
    },
  };
}
