import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Requests under way on each connection: pipelining (RFC 9112 §9.3.2) allows more than one. */
export interface Connections {
  /** Call once as a request arrives. */
  begin(request: IncomingMessage): void;
  /**
   * Call once as its answer is out, or can never be.
   * @returns how many requests of its connection are still under way
   */
  end(request: IncomingMessage, isAnswered: boolean): number;
  /** Aborted as soon as the connection of a begun request closes. */
  signalOf(request: IncomingMessage): AbortSignal;
  /**
   * Whether bytes written to a broken connection now would be read as the answer to what broke it,
   * and not to a whole request that is still running.
   */
  mayAnswer(socket: Duplex): boolean;
  /** Requests on it are not answered yet. */
  isBusy(socket: Duplex): boolean;
  /** Nobody knows where its last request ends: nothing more on it is taken for one. */
  break(socket: Duplex): void;
  isBroken(socket: Duplex): boolean;
  /** One more stands behind it. Of too many none is kept waiting for the answers before them. */
  passOver(socket: Duplex): void;
}

/** Each costs memory until the connection is closed, which answers before it may put off. */
const PASSED_OVER_MAX = 16;

export function trackConnections(): Connections {
  const connections = new WeakMap<Duplex, Map<IncomingMessage, AbortController | undefined>>();
  /** How many requests stand behind the one that broke it. */
  const broken = new WeakMap<Duplex, number>();
  const requestsOn = (socket: Duplex): Map<IncomingMessage, AbortController | undefined> => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const requests = new Map<IncomingMessage, AbortController | undefined>();
    connections.set(socket, requests);
    // One listener for the connection's whole life, however many requests it carries.
    socket.once('close', () => {
      for (const controller of requests.values()) controller?.abort();
    });
    return requests;
  };
  return {
    begin: (request) => {
      requestsOn(request.socket).set(request, undefined);
    },
    end: (request, isAnswered) => {
      const requests = connections.get(request.socket);
      // Of a connection that closes, Node ends the first answer before it tells of the closing.
      if (!isAnswered) requests?.get(request)?.abort();
      requests?.delete(request);
      return requests?.size ?? 0;
    },
    signalOf: (request) => {
      const requests = connections.get(request.socket);
      if (request.socket.destroyed || requests?.has(request) !== true) return AbortSignal.abort();
      // Made for who asks: it costs more than all else of a request that only arrives.
      const controller = requests.get(request) ?? new AbortController();
      requests.set(request, controller);
      return controller.signal;
    },
    isBusy: (socket) => (connections.get(socket)?.size ?? 0) > 0,
    break: (socket) => void broken.set(socket, 0),
    isBroken: (socket) => broken.has(socket),
    passOver: (socket) => {
      const count = (broken.get(socket) ?? 0) + 1;
      broken.set(socket, count);
      if (count > PASSED_OVER_MAX) socket.destroy();
    },
    mayAnswer: (socket) => {
      const requests = connections.get(socket);
      if (requests === undefined) return true;
      return requests.size <= 1 && [...requests.keys()].every((request) => !request.complete);
    },
  };
}
