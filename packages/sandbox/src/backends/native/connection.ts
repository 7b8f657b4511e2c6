import { createConnection } from 'node:net';
import { frameDecoder } from './protocol/frames.js';
import {
  type LauncherMessage,
  PROTOCOL_VERSION,
  parseLauncherMessage,
} from './protocol/messages.js';

export interface ConnectionEvents {
  /** Every message after the launcher's hello, in order. */
  onMessage(message: Exclude<LauncherMessage, { type: 'hello' }>): void;
  /** Once, unless `close` came first; nothing follows it. Refused, lost, or not the protocol. */
  onClosed(reason: string): void;
  onHello?(): void;
}

export interface Connection {
  /** Queues what `encodeFrames` made, to be written as fast as the launcher reads. */
  send(pieces: readonly Uint8Array[]): void;
  /** What it says waits in its socket. */
  pause(): void;
  resume(): void;
  /** At once, whatever is under way. For a sandbox's connection this is the kill. */
  close(): void;
}

/** Connects to the launcher. The caller sends the hello: it can go out with what follows. */
export function connect(socketPath: string, events: ConnectionEvents): Connection {
  const socket = createConnection({ path: socketPath });
  const unsent: Uint8Array[] = [];
  let isClosed = false;
  let isGreeted = false;
  let isFull = false;

  const close = () => {
    isClosed = true;
    unsent.length = 0;
    socket.destroy();
  };
  const fail = (reason: string) => {
    if (isClosed) return;
    close();
    events.onClosed(reason);
  };
  const receive = (message: LauncherMessage) => {
    // The owner may have closed it on an earlier message of the same chunk.
    if (isClosed) return;
    if (message.type !== 'hello') {
      if (isGreeted || message.type === 'error') events.onMessage(message);
      else fail('the launcher did not begin with hello');
    } else if (message.version === PROTOCOL_VERSION) {
      isGreeted = true;
      events.onHello?.();
    } else {
      fail(`the launcher speaks version ${message.version}, not ${PROTOCOL_VERSION}`);
    }
  };
  const flush = () => {
    while (!isFull && !isClosed) {
      const piece = unsent.shift();
      if (piece === undefined) return;
      isFull = !socket.write(piece);
    }
  };

  const decode = frameDecoder((frame) => receive(parseLauncherMessage(frame)));
  socket.on('data', (chunk) => {
    try {
      decode(chunk);
    } catch (error) {
      // A connection that carried anything else than the protocol is of no more use.
      fail(error instanceof Error ? error.message : 'unreadable');
    }
  });
  socket.on('drain', () => {
    isFull = false;
    flush();
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the launcher closed the connection'));

  return {
    close,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    send: (pieces) => {
      if (isClosed) return;
      unsent.push(...pieces);
      flush();
    },
  };
}
