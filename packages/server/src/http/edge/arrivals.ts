import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Connections } from '../connections.js';
import { isPathOf, type Route } from '../route.js';
import { framingFault, targetOf } from './framing.js';
import type { Room } from './room.js';
import { createTurns } from './turns.js';

export interface ArrivalsDeps {
  readonly routes: readonly Route[];
  readonly connections: Connections;
  readonly room: Room;
  /** Begins a request: all that is expensive comes behind it. */
  readonly begin: RequestListener;
}

/** What was found of requests as they arrived. */
export interface Arrivals {
  /** Why nothing of it may be done, whatever it asks for. */
  faultOf(request: IncomingMessage): Refusal | undefined;
}

const NO_ROOM: Refusal = {
  code: 'OVERLOADED',
  detail: 'Too many requests are under way.',
  retryAfterMs: 1000,
};

/** Longer than the longest wait, compile and run together. */
const PIPELINED_MS_MAX = 900_000;

/**
 * Every request, as its headers are there. What decides about those behind it on its connection is
 * decided now; then it begins, at once where it is answered at once, else in its turn.
 */
export function takeArrivals(server: Server, deps: ArrivalsDeps): Arrivals {
  const { routes, connections, room, begin } = deps;
  const faults = new WeakMap<IncomingMessage, Refusal>();
  const isPrompt = promptAmong(routes);
  const turns = createTurns(server);
  const judge = (request: IncomingMessage, isNow: boolean): Refusal | undefined => {
    const { socket } = request;
    const framing = framingFault(request);
    if (framing !== undefined) connections.break(socket);
    if (framing !== undefined || isNow) return framing;
    return room.admit(request) && !turns.isFullFor(socket) ? undefined : NO_ROOM;
  };
  const attend = (request: IncomingMessage, response: ServerResponse): void => {
    connections.begin(request);
    room.begin(request);
    response.once('close', () => {
      room.end(request);
      const others = connections.end(request, response.writableFinished);
      // What is pipelined behind may run longer than an answer may stall.
      if (others > 0) request.socket.setTimeout(PIPELINED_MS_MAX);
    });
  };
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (connections.isBroken(socket)) return connections.passOver(socket);
    attend(request, response);
    const isNow = isPrompt(request);
    const fault = judge(request, isNow);
    if (fault !== undefined) {
      faults.set(request, fault);
      response.setHeader('connection', 'close');
    }
    // Behind a misframed one Node may find nonsense, and close: it is told before that.
    const isFirst = isNow || connections.isBroken(socket) || turns.isFullFor(socket);
    const turn = isFirst ? undefined : turns.take(socket);
    if (turn === undefined) return begin(request, response);
    void turn.then((had) => {
      if (had === 'begins') begin(request, response);
    });
  });
  return { faultOf: (request) => faults.get(request) };
}

/** What neither runs programs nor waits for them: by the path as it is written, or it waits. */
function promptAmong(routes: readonly Route[]): (request: IncomingMessage) => boolean {
  const prompt = routes.filter(
    ({ document: { access } }) => access !== 'execute' && access !== 'read',
  );
  const byName = new Set(prompt.map(({ method, path }) => `${method} ${path}`));
  const patterns = prompt.filter(({ path }) => path.includes('{'));
  return (request) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const path = targetOf(request).split('?', 1)[0] ?? '';
    return (
      byName.has(`${method} ${path}`) ||
      patterns.some((route) => route.method === method && isPathOf(route.path, path))
    );
  };
}
