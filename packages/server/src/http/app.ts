import type { Server } from 'node:http';
import { Readable } from 'node:stream';
import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { type Caller, SCOPES } from '@gozolite/contract/tenancy/scope';
import { StoreError } from '@gozolite/store/sql';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Tracer } from '@gozolite/telemetry/tracing/span';
import type { Authenticate } from '@gozolite/tenancy/keys/authenticate';
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Listeners } from '../listeners/listeners.js';
import { endTrace, traceRequest } from '../observing/tracing/requests.js';
import { announcedBytes, type BodyBudget } from './body-budget.js';
import { answerClientError } from './client-error.js';
import { type Connections, trackConnections } from './connections.js';
import { type AnswerBudget, createAnswerBudget } from './edge/answers.js';
import { methodsHere, notJson } from './edge/early.js';
import { createEdge, type Edge } from './edge/edge.js';
import { targetOf } from './edge/framing.js';
import { challengeOf } from './gate/challenge.js';
import { createGate, type Gate } from './gate/gate.js';
import { PROBLEM_MEDIA_TYPE, problemOf, rateLimitHeaders, retryAfterOf } from './problem.js';
import { requestIdFrom } from './request-id.js';
import { type Call, lengthOf, type Route, routerPath } from './route.js';
import { createSeer, type Seen } from './seen.js';
import { acceptUpgrades, UpgradableMessage, type Upgrades } from './upgrade/upgrades.js';

const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;
const KEEP_ALIVE_MS = 60_000;
/** A client that takes no byte of its answer for so long is given up. */
const ANSWER_STALL_MS_MAX = 30_000;
const ANSWER_BYTES_MAX = 1024 ** 3;

export interface AppDeps {
  readonly routes: readonly Route[];
  readonly budget: BodyBudget;
  /** Of answers that wait for their clients; absent: 1 GiB. */
  readonly answerBytesMax?: number;
  /** One more ends the one that has been silent longest. */
  readonly connectionsMax: number;
  /** Pages of these may use the server. */
  readonly corsOrigins?: readonly string[];
  /** Whether the server is about to stop. */
  readonly isDraining?: () => boolean;
  readonly log: Logger;
  /** Counts what holds its connection for long; absent: nobody does. */
  readonly listeners?: Pick<Listeners, 'begin'> | undefined;
  /** Absent without keys: every caller is then the one tenant that there is. */
  readonly authenticate?: Authenticate | undefined;
  /** Absent where no traces are sent. */
  readonly tracer?: Tracer | undefined;
  /** Told of each request when it is over. */
  readonly onSeen?: ((seen: Seen) => void) | undefined;
}

/** Everything of HTTP that is no endpoint: bounds, guards, problems, request ids, lost clients. */
export function createApp(deps: AppDeps): FastifyInstance {
  const { routes, budget, log, authenticate, tracer, onSeen } = deps;
  const connections = trackConnections();
  const gate = authenticate === undefined ? undefined : createGate(routes, authenticate);
  const app = fastify(optionsFor(connections));
  const edge = createEdge(app.server, {
    ...{ ...deps, connections },
    hasKeys: authenticate !== undefined,
    begin: app.routing,
  });
  const upgrades = acceptUpgrades(app.server, connections);
  app.decorateReply('refusal', undefined);
  app.decorateRequest('span', undefined);
  const see = createSeer(routes);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  app.addHook('onRequest', async (request, reply) => {
    if (tracer !== undefined) traceRequest(tracer, request, reply);
    reply.raw.once('close', () => {
      const seen = see(request, reply, gate?.callerOf(request));
      onSeen?.(seen);
      endTrace(request, seen);
    });
    reply.header('x-request-id', request.id);
    edge.greet(request, reply);
    const early = edge.judge(request, reply);
    if (early === 'answered') return reply;
    // Who may not do it is told so before a byte of the body is read.
    const refusal = early ?? (gate === undefined ? undefined : await gate.refuse(request));
    if (refusal === undefined) holdBody(budget, edge, { request, reply });
    else refuseWith(reply, refusal, routes);
    return refusal === undefined && !reply.sent ? undefined : reply;
  });
  app.setErrorHandler<Error & { code?: string }>((error, request, reply) => {
    // Its client left while a long answer went out: nobody is there to be told.
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    const refusal = refusalFor(error);
    if (refusal.code === 'INTERNAL' || refusal.code === 'STORE_UNAVAILABLE') {
      const traceId = request.span?.traceId;
      log.error({ requestId: request.id, traceId, error }, 'request failed');
    }
    // Closing while the client still sends would destroy the answer on its way (RFC 9112, 9.6):
    // what is left of a body is read and dropped, for as long as any request may take.
    reply.removeHeader('connection');
    refuseWith(reply, refusal);
  });
  const answers = createAnswerBudget(deps.answerBytesMax ?? ANSWER_BYTES_MAX);
  const around = { connections, gate, answers, upgrades, listeners: deps.listeners };
  for (const route of routes) addRoute(app, route, around);
  return app;
}

interface Around {
  readonly connections: Connections;
  readonly gate: Gate | undefined;
  readonly answers: AnswerBudget;
  readonly upgrades: Upgrades;
  readonly listeners: AppDeps['listeners'];
}

function addRoute(app: FastifyInstance, route: Route, around: Around): void {
  const { connections, gate, answers, upgrades, listeners } = around;
  app.route({
    method: route.method,
    url: routerPath(route.path),
    handler: async (request, reply) => {
      const call: Call = {
        requestId: request.id,
        receivedAt: new Date(),
        caller: gate?.callerOf(request) ?? LOCAL,
        params: textsOf(request.params),
        query: textsOf(request.query),
        headers: textsOf(request.headers),
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        signal: connections.signalOf(request.raw),
        span: request.span,
        isUpgrade: upgrades.isOne(request.raw),
      };
      if (listeners !== undefined && route.listens?.(call) === true) {
        const place = listeners.begin(call.caller.tenant);
        if (!place.ok) return refuseWith(reply, place.error);
        whenOver(reply, place.value);
      }
      const answer = await route.handle(call);
      if (answer.ok && answer.value.upgrade !== undefined) {
        const { upgrade } = answer.value;
        reply.code(101).hijack();
        upgrades.take(request.raw, (socket) => {
          upgrade(socket, (refusal) => {
            reply.refusal = refusal;
          });
        });
        return reply;
      }
      request.raw.socket.setTimeout(ANSWER_STALL_MS_MAX);
      if (!answer.ok) return refuseWith(reply, answer.error);
      const { status, mediaType, headers = {}, body } = answer.value;
      reply.raw.once('close', answers.hold(lengthOf(answer.value), request.raw.socket));
      const payload = typeof body === 'string' ? body : Readable.from(body, { objectMode: false });
      return reply.code(status).headers(headers).type(mediaType).send(payload);
    },
  });
}

/** When its answer is out, or can never be; of a WebSocket, when that is closed. */
function whenOver({ raw }: FastifyReply, release: () => void): void {
  if (raw.closed) release();
  else raw.once('close', release);
}

/** Without keys there is one tenant, on loopback only. */
const LOCAL: Caller = { tenant: 'local', keyId: '', scopes: SCOPES };

/** The framework's own parameters: of text. */
function textsOf(given: unknown): Readonly<Record<string, string>> {
  if (typeof given !== 'object' || given === null) return {};
  return Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value === 'string'));
}

/** Bounds of what arrives, and who answers what never became a request. */
function optionsFor(connections: Connections): FastifyHttpOptions<Server> {
  return {
    logger: false,
    bodyLimit: REQUEST_BOUNDS.bodyBytesMax,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    rewriteUrl: targetOf,
    genReqId: (raw) => requestIdFrom(raw.headers['x-request-id']),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      // Whatever the process was started with: what is no HTTP is refused, not guessed at.
      insecureHTTPParser: false,
      headersTimeout: HEADERS_MS_MAX,
      // Node looks for late requests this often, 30 seconds unless told.
      connectionsCheckingInterval: 500,
      // A missing Host is answered by the guard, as a problem.
      requireHostHeader: false,
      IncomingMessage: UpgradableMessage,
    },
    clientErrorHandler: (error, socket) => answerClientError(connections, error, socket),
    frameworkErrors: (_error, _request, reply) => {
      refuseWith(reply, { code: 'BAD_REQUEST', detail: 'The request target is malformed.' });
    },
  };
}

function holdBody(
  budget: BodyBudget,
  edge: Edge,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): void {
  const bytes = announcedBytes(request.headers, REQUEST_BOUNDS.bodyBytesMax);
  const giveBack = budget.take(bytes);
  if (giveBack === undefined) {
    const detail = 'Too many large requests at once.';
    refuseWith(reply, { code: 'OVERLOADED', detail, retryAfterMs: 1000 });
    return;
  }
  reply.raw.once('close', giveBack);
  edge.wantBody(reply);
}

/** What the framework refuses by throwing. */
function refusalFor(error: Error & { code?: string }): Refusal {
  if (error instanceof StoreError && error.isAway) return STORE_UNAVAILABLE;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return {
        code: 'BODY_TOO_LARGE',
        detail: `The body is above the ceiling of ${REQUEST_BOUNDS.bodyBytesMax} bytes.`,
      };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_CONTENT_TYPE':
      return notJson();
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET': // The client left before its body was whole: nobody reads this.
      return { code: 'BAD_REQUEST', detail: 'The body is not as long as announced.' };
    default:
      return { code: 'INTERNAL', detail: 'The server failed; its log has the reason.' };
  }
}

/** Nothing of it runs: to send it again is safe. */
const STORE_UNAVAILABLE: Refusal = {
  code: 'STORE_UNAVAILABLE',
  detail: 'The store of tenants and executions can not be reached; it is tried again by itself.',
  retryAfterMs: 5000,
};

function refuseWith(
  reply: FastifyReply,
  refusal: Refusal,
  routes: readonly Route[] = [],
): FastifyReply {
  reply.refusal = refusal;
  const problem = problemOf(refusal, reply.request.id);
  const retryAfter = retryAfterOf(refusal);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  reply.headers(rateLimitHeaders(refusal));
  const challenge = challengeOf(refusal);
  if (challenge !== undefined) reply.header('www-authenticate', challenge);
  // RFC 9110 §15.5.22: a 426 names what is asked for.
  if (refusal.code === 'UPGRADE_REQUIRED') {
    reply.headers({ upgrade: 'websocket', 'sec-websocket-version': '13' });
  }
  if (refusal.code === 'METHOD_NOT_ALLOWED') {
    reply.header('allow', methodsHere(routes, reply.request).join(', '));
  }
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}
