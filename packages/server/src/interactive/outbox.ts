import type { ServerMessage } from '@gozolite/contract/interactive/interactive';
import type { WebSocket } from 'ws';

/** Above the first the program's output waits, below the second it goes on. */
const FULL_BYTES = 256 * 1024;
const ROOM_BYTES = 64 * 1024;
/** Who takes nothing for so long is given up; what is large has longer, at 16 KiB a second. */
const STALL_MS = 30_000;
const BYTES_A_MS = 16;

/** What a client is told, in order. */
export interface Outbox {
  send(message: ServerMessage): void;
  ping(): void;
  /** Unless so much waits that it would never be read in time. */
  pong(data: Buffer): void;
  isFull(): boolean;
  /** Nothing was taken for so long that nobody reads. */
  isStalled(nowMs: number): boolean;
  /** After what was sent; then the connection goes, whether or not it is taken. */
  close(code: number, reason: string): void;
}

/** @param onRoom as often as there is room again */
export function createOutbox(socket: WebSocket, onRoom: () => void): Outbox {
  let wasFull = false;
  let movedAtMs = performance.now();
  const stallMs = () => STALL_MS + socket.bufferedAmount / BYTES_A_MS;
  /** What is said into silence has its time from then on. */
  const isOpen = () => {
    if (socket.bufferedAmount === 0) movedAtMs = performance.now();
    return socket.readyState === socket.OPEN;
  };
  const onSent = () => {
    movedAtMs = performance.now();
    if (!wasFull || socket.bufferedAmount > ROOM_BYTES) return;
    wasFull = false;
    onRoom();
  };
  return {
    send: (message) => {
      if (!isOpen()) return;
      socket.send(JSON.stringify(message), onSent);
      wasFull ||= socket.bufferedAmount > FULL_BYTES;
    },
    ping: () => {
      if (isOpen()) socket.ping(undefined, false, onSent);
    },
    pong: (data) => {
      if (isOpen() && socket.bufferedAmount < ROOM_BYTES) socket.pong(data, false, onSent);
    },
    isFull: () => wasFull,
    isStalled: (nowMs) => socket.bufferedAmount > 0 && nowMs - movedAtMs > stallMs(),
    close: (code, reason) => {
      const last = setTimeout(() => socket.terminate(), stallMs());
      socket.once('close', () => clearTimeout(last));
      // Else its closing, which stands behind what was not read, is never seen.
      socket.resume();
      socket.close(code, reason);
    },
  };
}
