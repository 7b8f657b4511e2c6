import { type Connection, type ConnectionEvents, connect } from './connection.js';
import { encodeFrames } from './protocol/frames.js';
import { helloFrame } from './protocol/launch.js';

/** Gives connections to the launcher that have said hello; one waits ahead of its use. */
export interface Connections extends Disposable {
  /** One that nobody used before, its greeting under way or done. */
  open(events: ConnectionEvents): Connection;
  /** Opens the next one ahead: call it when a run has ended, so that it takes nobody's time. */
  prepare(): void;
}

/**
 * Connecting and greeting are a fifth of a millisecond and two turns of two programs' loops: done
 * ahead, they are no part of an execution.
 */
export function createConnections(socketPath: string): Connections {
  const hello = encodeFrames([helloFrame()]);
  let spare: Spare | undefined;
  let isDisposed = false;

  const greet = (events: ConnectionEvents): Connection => {
    const connection = connect(socketPath, events);
    connection.send(hello);
    return connection;
  };
  const openAhead = (): void => {
    if (spare !== undefined || isDisposed) return;
    const relay: Relay = { to: undefined };
    const drop = () => {
      if (spare?.relay === relay) spare = undefined;
    };
    const connection = greet({
      onMessage: (message) => relay.to?.onMessage(message),
      onClosed: (reason) => (relay.to === undefined ? drop() : relay.to.onClosed(reason)),
    });
    spare = { connection, relay };
  };

  return {
    open: (events) => {
      const taken = spare;
      if (taken === undefined) return greet(events);
      spare = undefined;
      taken.relay.to = events;
      return taken.connection;
    },
    prepare: () => void setImmediate(openAhead),
    [Symbol.dispose]: () => {
      isDisposed = true;
      spare?.connection.close();
      spare = undefined;
    },
  };
}

interface Relay {
  to: ConnectionEvents | undefined;
}

interface Spare {
  readonly connection: Connection;
  readonly relay: Relay;
}
