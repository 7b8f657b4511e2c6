import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  INTERACTIVE_BOUNDS,
  KEY_SUBPROTOCOL,
  SUBPROTOCOL,
} from '@gozolite/contract/interactive/interactive';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Connections } from '../connections.js';

/** For a client to take its last answer and close. */
const LINGER_MS_MAX = 5000;
const PROTOCOLS = 'sec-websocket-protocol';

/**
 * A request as Node's server has it. With a listener for upgrades, Node stops reading HTTP at every
 * request that offers one, h2c for example, which clients of Java do with each first request: that
 * is no offer to this server, and such a request goes on as it always did (RFC 9110 §7.8).
 */
export class UpgradableMessage extends IncomingMessage {
  declare offersUpgrade: unknown;

  get upgrade(): boolean {
    if (this.offersUpgrade !== true) return false;
    // Behind its head a tunnel is no HTTP any more, whoever it is refused by.
    return this.method === 'CONNECT' || isForWebSocket(this);
  }

  set upgrade(offers: unknown) {
    this.offersUpgrade = offers;
  }
}

/** RFC 6455 §4.1: its handshake is a GET. What has a body is read as any request. */
function isForWebSocket({ headers, method }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Requests that may become WebSockets. */
export interface Upgrades {
  /** Whether it can be taken over: Node has stopped reading HTTP from its connection. */
  isOne(request: IncomingMessage): boolean;
  /** Answers 101, or what is wrong with its handshake. */
  take(request: IncomingMessage, use: (socket: WebSocket) => void): void;
}

/**
 * Passes what wants to become a WebSocket through the same routes as any request: who may not have
 * it is answered in HTTP.
 */
export function acceptUpgrades(
  server: Server,
  connections: Pick<Connections, 'isBusy' | 'isBroken'>,
): Upgrades {
  const heads = new WeakMap<IncomingMessage, Buffer>();
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compressed, a small frame could become a large one.
    perMessageDeflate: false,
    maxPayload: INTERACTIVE_BOUNDS.startBytesMax,
    // A pong for each ping, whether or not it is read, is memory for nothing.
    autoPong: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const arrive = (request: IncomingMessage, socket: Duplex): void => {
    socket.on('error', () => socket.destroy());
    // Node reads no more from it, so who leaves is not seen; and the first answer has the socket.
    if (connections.isBroken(socket)) socket.end();
    else if (connections.isBusy(socket)) socket.destroy();
    else server.emit('request', request, responseOn(request, socket));
  };
  server.on('upgrade', (request, socket, head) => {
    heads.set(request, head);
    arrive(request, socket);
  });
  // Without a listener Node closes the connection and says nothing. It becomes no tunnel here.
  server.on('connect', arrive);
  return {
    isOne: (request) => heads.has(request),
    take: (request, use) => {
      const head = heads.get(request) ?? Buffer.alloc(0);
      heads.delete(request);
      request.socket.setTimeout(0);
      sockets.handleUpgrade(request, request.socket, head, use);
    },
  };
}

/** Nobody reads HTTP from this connection any more: its answer is its last. */
function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  if (socket instanceof Socket) response.assignSocket(socket);
  response.once('finish', () => {
    // Read and dropped: else its client's end would not be seen. Who goes on sending is cut off.
    socket.resume().end();
    setTimeout(() => socket.destroy(), LINGER_MS_MAX).unref();
  });
  return response;
}

/**
 * Of a page's script, which can't set headers, the key comes as the name of a sub-protocol: taken
 * out of the headers here, it is neither echoed nor seen by anybody behind.
 */
export function takeKeyOf(request: IncomingMessage): string | undefined {
  const offered = request.headers[PROTOCOLS];
  if (offered === undefined || !isForWebSocket(request)) return undefined;
  const names = offered.split(',').map((name) => name.trim());
  const carriers = names.filter((name) => name.startsWith(KEY_SUBPROTOCOL));
  if (carriers.length === 0) return undefined;
  request.headers[PROTOCOLS] = names.filter((name) => !carriers.includes(name)).join(', ');
  const [key] = carriers.map((name) => name.slice(KEY_SUBPROTOCOL.length));
  return request.headers.authorization ?? `Bearer ${key}`;
}
