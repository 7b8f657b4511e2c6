import type { Refusal } from '@gozolite/contract/refusal';
import type { Caller } from '@gozolite/contract/tenancy/scope';
import type { Authenticate } from '@gozolite/tenancy/keys/authenticate';
import type { FastifyRequest } from 'fastify';
import { endWith } from '../../observing/tracing/parts.js';
import { type Route, routerPath } from '../route.js';
import { takeKeyOf } from '../upgrade/upgrades.js';

/** The first stage of every route that is not open. */
export interface Gate {
  /** @returns why not; undefined where the request may go on, and its caller is known */
  refuse(request: FastifyRequest): Promise<Refusal | undefined>;
  callerOf(request: FastifyRequest): Caller | undefined;
}

export function createGate(routes: readonly Route[], authenticate: Authenticate): Gate {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const access = new Map(
    routes.map(({ method, path, document }) => [`${method} ${routerPath(path)}`, document.access]),
  );
  return {
    callerOf: (request) => callers.get(request),
    refuse: async (request) => {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      // What has no row would need the most: a route that is added can't be forgotten here.
      const needed = access.get(`${method} ${request.routeOptions.url}`) ?? 'admin';
      if (needed === 'open') return undefined;
      const authorization = takeKeyOf(request.raw) ?? request.headers.authorization;
      const address = request.socket.remoteAddress ?? '';
      const span = request.span?.begin('authenticate');
      const known = await authenticate({ authorization, address }, needed);
      endWith(span, known);
      if (!known.ok) return known.error;
      callers.set(request, known.value);
      return undefined;
    },
  };
}
