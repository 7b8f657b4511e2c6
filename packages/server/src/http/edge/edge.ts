import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Refusal } from '@gozolite/contract/refusal';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Connections } from '../connections.js';
import type { Route } from '../route.js';
import { takeArrivals } from './arrivals.js';
import { createCors } from './cors.js';
import { refuseEarly } from './early.js';
import { keepRoom } from './room.js';
import { SECURITY_HEADERS } from './security.js';

export interface EdgeDeps {
  readonly connections: Connections;
  readonly routes: readonly Route[];
  readonly hasKeys: boolean;
  readonly connectionsMax: number;
  /** Pages of these may use the server. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Whether the server is about to stop. */
  readonly isDraining?: (() => boolean) | undefined;
  /** The framework's own way in. */
  readonly begin: RequestListener;
}

/** What is done with every request before anybody asks what it wants. */
export interface Edge {
  /** What each of its answers has. */
  greet(request: FastifyRequest, reply: FastifyReply): void;
  /** @returns why not, `answered` where nothing more is to be done, undefined: it may go on */
  judge(request: FastifyRequest, reply: FastifyReply): Refusal | 'answered' | undefined;
  /** Call where the body is wanted: who asked beforehand sends it now (RFC 9110 §10.1.1). */
  wantBody(reply: FastifyReply): void;
}

export function createEdge(server: Server, deps: EdgeDeps): Edge {
  const { routes, hasKeys, connections, connectionsMax, begin } = deps;
  const cors = createCors(deps.corsOrigins ?? []);
  const room = keepRoom(server, connectionsMax);
  const expecting = new WeakSet<ServerResponse>();
  server.maxHeadersCount = 0; // Past 2,000 Node would leave headers out in silence.
  const dress = dresser(deps.isDraining);
  const arrivals = takeArrivals(server, {
    ...{ routes, connections, room },
    begin: (request, response) => {
      dress(response);
      begin(request, response);
    },
  });
  // Node would ask for the body before anybody looked at the headers.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    expecting.add(response);
    server.emit('request', request, response);
  });
  // RFC 9110 §10.1.1 lets us: what else somebody expects is ignored.
  server.on('checkExpectation', (...both) => server.emit('request', ...both));
  return {
    greet: ({ headers }, reply) => {
      if (cors === undefined) return;
      reply.header('vary', 'origin');
      const { origin } = headers;
      if (cors.allows(origin)) reply.headers(cors.headersFor(origin));
    },
    judge: (request, reply) => {
      const { method, headers, raw } = request;
      const fault = arrivals.faultOf(raw);
      if (fault !== undefined) return fault;
      // Neither is ever followed by more that is asked of this server.
      if (method === 'CONNECT' || method === 'TRACE') reply.raw.setHeader('connection', 'close');
      const refusal = refuseEarly({ routes, hasKeys, cors }, request);
      const preflight = cors?.preflightFor({ method, headers });
      if (refusal?.code === 'METHOD_NOT_ALLOWED' && preflight !== undefined) {
        reply.code(204).headers(preflight).send();
        return 'answered';
      }
      return refusal;
    },
    wantBody: ({ raw }) => {
      if (expecting.delete(raw)) raw.writeContinue();
    },
  };
}

/** Before the framework, whose own answers are to have it, too. */
function dresser(isDraining = () => false): (response: ServerResponse) => void {
  const all = Object.entries(SECURITY_HEADERS);
  return (response) => {
    for (const [name, value] of all) response.setHeader(name, value);
    if (isDraining()) response.setHeader('connection', 'close');
  };
}
