import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Refusal } from '@gozolite/contract/refusal';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Connections } from '../connections.js';
import { type Route, routerPath } from '../route.js';
import { createCors } from './cors.js';
import { refuseEarly } from './early.js';
import { framingFault } from './framing.js';
import { keepRoom } from './room.js';
import { SECURITY_HEADERS } from './security.js';

export interface EdgeDeps {
  readonly connections: Pick<Connections, 'break'>;
  readonly routes: readonly Route[];
  readonly hasKeys: boolean;
  readonly connectionsMax: number;
  /** Pages of these may use the server. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Whether the server is about to stop. */
  readonly isDraining?: (() => boolean) | undefined;
}

/** What is done with every request before anybody asks what it wants. */
export interface Edge {
  /** Call once as a request arrives, and once as its answer is out or can never be. */
  arrive(request: FastifyRequest, reply: FastifyReply): void;
  leave(request: FastifyRequest): void;
  /** @returns why not, `answered` where nothing more is to be done, undefined: it may go on */
  judge(request: FastifyRequest, reply: FastifyReply): Refusal | 'answered' | undefined;
  /** Call where the body is wanted: who asked beforehand sends it now (RFC 9110 §10.1.1). */
  wantBody(reply: FastifyReply): void;
}

const NO_ROOM: Refusal = {
  code: 'OVERLOADED',
  detail: 'Too many requests are under way.',
  retryAfterMs: 1000,
};

export function createEdge(server: Server, deps: EdgeDeps): Edge {
  const { routes, hasKeys, connections, connectionsMax, isDraining = () => false } = deps;
  const cors = createCors(deps.corsOrigins ?? []);
  const room = keepRoom(server, connectionsMax);
  const expecting = new WeakSet<ServerResponse>();
  const mayLast = lasting(routes);
  dress(server, isDraining);
  // Node would ask for the body before anybody looked at the headers.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    expecting.add(response);
    server.emit('request', request, response);
  });
  // RFC 9110 §10.1.1 lets us: what else somebody expects is ignored.
  server.on('checkExpectation', (...both) => server.emit('request', ...both));
  return {
    arrive: ({ raw, headers }, reply) => {
      room.begin(raw);
      if (cors === undefined) return;
      reply.header('vary', 'origin');
      const { origin } = headers;
      if (cors.allows(origin)) reply.headers(cors.headersFor(origin));
    },
    leave: ({ raw }) => room.end(raw),
    judge: (request, reply) => {
      const { method, headers, raw } = request;
      const framing = framingFault(raw);
      if (framing !== undefined) {
        connections.break(raw.socket);
        reply.raw.setHeader('connection', 'close');
        return framing;
      }
      const refusal = refuseEarly({ routes, hasKeys, cors }, request);
      const preflight = cors?.preflightFor({ method, headers });
      if (refusal?.code === 'METHOD_NOT_ALLOWED' && preflight !== undefined) {
        reply.code(204).headers(preflight).send();
        return 'answered';
      }
      if (refusal !== undefined || !mayLast(request) || room.admit(request.raw)) return refusal;
      reply.raw.setHeader('connection', 'close');
      return NO_ROOM;
    },
    wantBody: ({ raw }) => {
      if (expecting.delete(raw)) raw.writeContinue();
    },
  };
}

/** Before the framework, whose own answers are to have it, too. */
function dress(server: Server, isDraining: () => boolean): void {
  server.maxHeadersCount = 0; // Past 2,000 Node would leave headers out in silence.
  server.prependListener('request', (_request, response: ServerResponse) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (isDraining()) response.setHeader('connection', 'close');
  });
}

/** What runs programs or waits for them; all else is answered at once. */
function lasting(routes: readonly Route[]): (request: FastifyRequest) => boolean {
  const those = routes.filter(
    ({ document: { access } }) => access === 'execute' || access === 'read',
  );
  const names = new Set(those.map(({ method, path }) => `${method} ${routerPath(path)}`));
  return ({ method, routeOptions }) => names.has(`${method} ${routeOptions.url}`);
}
