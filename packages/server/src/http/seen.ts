import type { Refusal } from '@gozolite/contract/refusal';
import type { Caller } from '@gozolite/contract/tenancy/scope';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Route, routerPath } from './route.js';

declare module 'fastify' {
  interface FastifyReply {
    /** What it was refused for. */
    refusal: Refusal | undefined;
  }
}

/** One request, when its answer is out, or nobody is left to be given one. */
export interface Seen {
  readonly requestId: string;
  /** As the OpenAPI document has it; '' where there is none of it. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** The client went before it had all of its answer. */
  readonly isAborted: boolean;
  /** Since its headers were there. */
  readonly ms: number;
  /** Of the other end of the connection; '' for a unix socket. */
  readonly address: string;
  /** Undefined without keys, and where none was right. */
  readonly caller: Caller | undefined;
  readonly refusal: Refusal | undefined;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Reads what is to be told of a request; what comes from its sender is told by bounded words. */
export function createSeer(routes: readonly Route[]) {
  const paths = new Map(routes.map(({ path }) => [routerPath(path), path]));
  return (request: FastifyRequest, reply: FastifyReply, caller: Caller | undefined): Seen => ({
    requestId: request.id,
    route: paths.get(request.routeOptions.url ?? '') ?? '',
    method: METHODS.has(request.method) ? request.method : 'other',
    status: reply.statusCode,
    // A WebSocket's answer was out when it became one.
    isAborted: reply.statusCode !== 101 && !reply.raw.writableFinished,
    ms: reply.elapsedTime,
    address: request.socket.remoteAddress ?? '',
    caller,
    refusal: reply.refusal,
  });
}
