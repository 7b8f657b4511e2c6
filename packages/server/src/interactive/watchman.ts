import { INTERACTIVE_BOUNDS } from '@gozolite/contract/interactive/interactive';
import type { WebSocket } from 'ws';
import type { Outbox } from './outbox.js';

const BEAT_MS = 1000;
/** Proxies close what is silent for a minute. */
const PING_MS = 15_000;
/** Not even a pong came for so long: nobody is there. */
const SILENCE_MS = 60_000;

export interface WatchmanDeps {
  readonly socket: WebSocket;
  readonly outbox: Pick<Outbox, 'ping' | 'isStalled'>;
  /** Neither side says anything to the other. */
  readonly idleMs: number;
  /** It is not read from now. */
  readonly isHeld: () => boolean;
  readonly onBeat: () => void;
  readonly onIdle: () => void;
  /** The first message did not come. */
  readonly onLate: () => void;
}

/** The clocks of one connection. */
export interface Watchman {
  /** A message came. */
  heard(): void;
  /** The program said something. */
  spoke(): void;
  /** The first message came. */
  started(): void;
  stop(): void;
}

export function createWatchman(deps: WatchmanDeps): Watchman {
  const { socket, outbox, idleMs, isHeld } = deps;
  const beganMs = performance.now();
  const last = { heardMs: beganMs, spokeMs: Number.POSITIVE_INFINITY, pingMs: beganMs };
  let hasStarted = false;
  let isIdle = false;
  const look = () => {
    const nowMs = performance.now();
    const isLost = !isHeld() && nowMs - last.heardMs > SILENCE_MS;
    if (isLost || outbox.isStalled(nowMs)) return socket.terminate();
    if (nowMs - last.pingMs >= PING_MS) {
      last.pingMs = nowMs;
      outbox.ping();
    }
    if (!hasStarted && nowMs - beganMs > INTERACTIVE_BOUNDS.startMsMax) {
      hasStarted = true;
      deps.onLate();
    }
    if (!isIdle && nowMs - last.spokeMs > idleMs) {
      isIdle = true;
      deps.onIdle();
    }
    deps.onBeat();
  };
  const timer = setInterval(look, Math.min(BEAT_MS, idleMs / 2));
  socket.on('pong', () => {
    last.heardMs = performance.now();
  });
  return {
    heard: () => {
      last.heardMs = performance.now();
      // Before the program runs there is nothing to wait for.
      if (last.spokeMs !== Number.POSITIVE_INFINITY) last.spokeMs = last.heardMs;
    },
    spoke: () => {
      last.spokeMs = performance.now();
    },
    started: () => {
      hasStarted = true;
    },
    stop: () => clearInterval(timer),
  };
}
