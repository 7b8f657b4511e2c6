import type { Server } from 'node:http';
import { Readable } from 'node:stream';
import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { type Caller, SCOPES } from '@gozolite/contract/tenancy/scope';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Authenticate } from '@gozolite/tenancy/keys/authenticate';
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { announcedBytes, type BodyBudget } from './body-budget.js';
import { answerClientError } from './client-error.js';
import { type Connections, trackConnections } from './connections.js';
import { createGate, type Gate } from './gate/gate.js';
import { guardKeyed, guardLoopback } from './guard.js';
import { PROBLEM_MEDIA_TYPE, problemOf, retryAfterOf } from './problem.js';
import { requestIdFrom } from './request-id.js';
import { isPathOf, type Route, routerPath } from './route.js';
import { createSeer, type Seen } from './seen.js';

const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;
const KEEP_ALIVE_MS = 60_000;
/** A client that takes no byte of its answer for so long is given up. */
const ANSWER_STALL_MS_MAX = 30_000;
/** Longer than the longest wait, compile and run together. */
const PIPELINED_MS_MAX = 900_000;

const CHALLENGE = 'Bearer realm="gozolite"';
const SEND_JSON = 'Send the body as Content-Type: application/json, in UTF-8.';

export interface AppDeps {
  readonly routes: readonly Route[];
  readonly budget: BodyBudget;
  /** One more is closed as soon as it comes. */
  readonly connectionsMax: number;
  readonly log: Logger;
  /** Absent without keys: every caller is then the one tenant that there is. */
  readonly authenticate?: Authenticate | undefined;
  /** Told of each request when it is over. */
  readonly onSeen?: ((seen: Seen) => void) | undefined;
}

/** Everything of HTTP that is no endpoint: bounds, guards, problems, request ids, lost clients. */
export function createApp(deps: AppDeps): FastifyInstance {
  const { routes, budget, connectionsMax, log, authenticate, onSeen } = deps;
  const connections = trackConnections();
  const gate = authenticate === undefined ? undefined : createGate(routes, authenticate);
  const app = fastify(optionsFor(connections));
  app.server.maxConnections = connectionsMax;
  app.decorateReply('refusal', undefined);
  const see = createSeer(routes);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  app.addHook('onRequest', async (request, reply) => {
    connections.begin(request.raw);
    reply.raw.once('close', () => {
      const others = connections.end(request.raw, reply.raw.writableFinished);
      // What is pipelined behind may run longer than an answer may stall.
      if (others > 0) request.raw.socket.setTimeout(PIPELINED_MS_MAX);
      onSeen?.(see(request, reply, gate?.callerOf(request)));
    });
    reply.header('x-request-id', request.id);
    const early = refuseEarly(routes, request, authenticate !== undefined);
    // Who may not do it is told so before a byte of the body is read.
    const refusal = early ?? (gate === undefined ? undefined : await gate.refuse(request));
    if (refusal === undefined) holdBody(budget, request, reply);
    else refuseWith(reply, refusal, routes);
    return refusal === undefined && !reply.sent ? undefined : reply;
  });
  app.setErrorHandler<Error & { code?: string }>((error, request, reply) => {
    // Its client left while a long answer went out: nobody is there to be told.
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    const refusal = refusalFor(error);
    if (refusal.code === 'INTERNAL') {
      log.error({ requestId: request.id, error }, 'request failed');
    }
    refuseWith(reply, refusal);
  });
  for (const route of routes) addRoute(app, route, { connections, gate });
  return app;
}

interface Around {
  readonly connections: Connections;
  readonly gate: Gate | undefined;
}

function addRoute(app: FastifyInstance, route: Route, { connections, gate }: Around): void {
  app.route({
    method: route.method,
    url: routerPath(route.path),
    handler: async (request, reply) => {
      const answer = await route.handle({
        requestId: request.id,
        receivedAt: new Date(),
        caller: gate?.callerOf(request) ?? LOCAL,
        params: textsOf(request.params),
        query: textsOf(request.query),
        headers: textsOf(request.headers),
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        signal: connections.signalOf(request.raw),
      });
      request.raw.socket.setTimeout(ANSWER_STALL_MS_MAX);
      if (!answer.ok) return refuseWith(reply, answer.error);
      const { status, mediaType, headers = {}, body } = answer.value;
      const payload = typeof body === 'string' ? body : Readable.from(body, { objectMode: false });
      return reply.code(status).headers(headers).type(mediaType).send(payload);
    },
  });
}

/** Without keys there is one tenant, on loopback only. */
const LOCAL: Caller = { tenant: 'local', keyId: '', scopes: SCOPES };

/** The framework's own parameters: text, or a list where a name of the query stands there twice. */
function textsOf(given: unknown): Readonly<Record<string, string>> {
  if (typeof given !== 'object' || given === null) return {};
  const texts = Object.entries(given).map(([name, value]) => [name, [value].flat().at(-1)]);
  return Object.fromEntries(texts.filter(([, value]) => typeof value === 'string'));
}

/** Bounds of what arrives, and who answers what never became a request. */
function optionsFor(connections: Connections): FastifyHttpOptions<Server> {
  return {
    logger: false,
    bodyLimit: REQUEST_BOUNDS.bodyBytesMax,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    genReqId: (raw) => requestIdFrom(raw.headers['x-request-id']),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      // Node looks for late requests this often, 30 seconds unless told.
      connectionsCheckingInterval: 500,
      // A missing Host is answered by the guard, as a problem.
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => answerClientError(connections, error, socket),
    frameworkErrors: (_error, _request, reply) => {
      refuseWith(reply, { code: 'BAD_REQUEST', detail: 'The request target is malformed.' });
    },
  };
}

function holdBody(budget: BodyBudget, request: FastifyRequest, reply: FastifyReply): void {
  const bytes = announcedBytes(request.headers, REQUEST_BOUNDS.bodyBytesMax);
  const giveBack = budget.take(bytes);
  if (giveBack === undefined) {
    const detail = 'Too many large requests at once.';
    refuseWith(reply, { code: 'OVERLOADED', detail, retryAfterMs: 1000 });
    return;
  }
  reply.raw.once('close', giveBack);
}

/** What the headers alone decide, before a byte of the body is read. */
function refuseEarly(
  routes: readonly Route[],
  request: FastifyRequest,
  hasKeys: boolean,
): Refusal | undefined {
  const { method, headers, raw } = request;
  const guard = hasKeys ? guardKeyed : guardLoopback;
  const foreign = guard({ method, headers, httpVersion: raw.httpVersion });
  if (foreign !== undefined) return foreign;
  if (request.is404) {
    const path = pathOf(request);
    return routes.some((route) => isPathOf(route.path, path))
      ? { code: 'METHOD_NOT_ALLOWED', detail: `${method} is not a method of ${path}.` }
      : {
          code: 'NOT_FOUND',
          detail: 'There is nothing here; GET /openapi.json lists what there is.',
        };
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return unsupported('The body has to come as it is, without Content-Encoding.');
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers['content-type'] ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset) ? undefined : unsupported(SEND_JSON);
}

/** What the framework refuses by throwing. */
function refusalFor(error: Error & { code?: string }): Refusal {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return {
        code: 'BODY_TOO_LARGE',
        detail: `The body is above the ceiling of ${REQUEST_BOUNDS.bodyBytesMax} bytes.`,
      };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_CONTENT_TYPE':
      return unsupported(SEND_JSON);
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET': // The client left before its body was whole: nobody reads this.
      return { code: 'BAD_REQUEST', detail: 'The body is not as long as announced.' };
    default:
      return { code: 'INTERNAL', detail: 'The server failed; its log has the reason.' };
  }
}

function unsupported(detail: string): Refusal {
  return { code: 'UNSUPPORTED_MEDIA_TYPE', detail };
}

function refuseWith(
  reply: FastifyReply,
  refusal: Refusal,
  routes: readonly Route[] = [],
): FastifyReply {
  reply.refusal = refusal;
  const problem = problemOf(refusal, reply.request.id);
  const retryAfter = retryAfterOf(refusal);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  const { limit } = refusal;
  if (limit?.remaining !== undefined) {
    const resets = retryAfter === undefined ? '' : `;t=${retryAfter}`;
    reply.header('ratelimit', `"${limit.name}";r=${Math.floor(limit.remaining)}${resets}`);
  }
  // RFC 9110 §11.6.1: a 401 names the way to come in.
  if (refusal.code === 'UNAUTHENTICATED') reply.header('www-authenticate', CHALLENGE);
  if (refusal.code === 'METHOD_NOT_ALLOWED') {
    const here = routes.filter((route) => isPathOf(route.path, pathOf(reply.request)));
    const methods = here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    reply.header('allow', methods.join(', '));
  }
  // Closing while the client still sends would destroy the answer on its way (RFC 9112, 9.6): what
  // is left of a body is read and dropped, for as long as any request may take.
  reply.removeHeader('connection');
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
